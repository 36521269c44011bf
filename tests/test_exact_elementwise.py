"""Every operation entry by entry against its exact value and derivatives, to units of the last place.

Values and first derivatives are within 4 units, of + - * / sqrt exp log within 2, over the whole range of floats;
second derivatives within 8 (the mixed one of a power, a sum that cancels, beside its larger term).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import gradcalc
from gradcalc.graph import OPERATIONS
from gradcalc.ops import quarter_turns
from tests.exact import matrices, measured, reductions
from tests.exact.elementwise import ATTRIBUTES, EXACT, OPERANDS, PARTS, points

ULPS = dict.fromkeys(("add", "negative", "multiply", "scale", "divide", "sqrt", "exp", "log"), 2)
SECOND_ULPS = 8
CASES = [(name, attributes) for name in sorted(EXACT) for attributes in ATTRIBUTES.get(name, [{}])]
SMOOTH = [(name, attributes) for name, attributes in CASES if name not in PARTS]


@pytest.mark.parametrize("name", sorted(n for n, operation in OPERATIONS.items() if operation.entrywise))
def test_every_operation_entry_by_entry_has_an_exact_definition(name: str) -> None:
    """A derivative is tested with its function, a function under another name is that function."""
    elsewhere = {*reductions.EXACT, *matrices.EXACT, "call"}
    assert name.rstrip("'") in EXACT or name in elsewhere


@pytest.mark.parametrize(("name", "attributes"), CASES)
def test_value_and_first_derivatives(name: str, attributes: dict[str, Any]) -> None:
    places = measured.smooth(name, attributes, points(name, 220))
    assert len(places) >= 200
    orders = (0,) if name in PARTS else (0, 1)
    for by, error in measured.worst(name, attributes, places, orders).items():
        assert error.ulps <= ULPS.get(name, 4), (by, error)


@pytest.mark.parametrize(("name", "attributes"), SMOOTH)
def test_second_derivatives(name: str, attributes: dict[str, Any]) -> None:
    places = measured.smooth(name, attributes, points(name, 60 if OPERANDS.get(name, 1) == 1 else 24, seed=2))
    for by, error in measured.errors(name, attributes, places, (2,)):
        assert error.ulps <= SECOND_ULPS, (by, error)


def beside_quarter_turns(power: int) -> list[float]:
    """The floats in [2^power, 2^(power + 1)) next to multiples of π/2: denominators of the continued fraction of
    2^(power - 52)/(π/2) (Muller et al., Handbook of Floating-Point Arithmetic, 10.2)."""
    with mp.workprec(1400):
        rest, before, last = mpf(2) ** (power - 52) / (mp.pi / 2), 1, 0
        while last < 2**53:
            whole = int(mp.floor(rest))
            before, last = last, whole * last + before
            rest = 1 / (rest - whole)
    least = -(-(2**52) // before)
    return [math.ldexp(before * k, power - 52) for k in range(least, least + 3) if before * k < 2**53]


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_sin_cos_and_tan_of_the_floats_closest_to_quarter_turns(name: str) -> None:
    """Value and derivative of arrays and of numbers, by mpmath."""
    places = [x for power in range(1, 1024, 3) for x in beside_quarter_turns(power)] + [5.319372648326541e255]
    places += [-x for x in places[::7]]
    run = gradcalc.loads(f"h = {name}(x)").run({"x": places})
    step = gradcalc.loads(f"h = {name}(x); x ∈ R").compile(of="h")
    slope: Any = {"sin": mp.cos, "cos": lambda x: -mp.sin(x), "tan": lambda x: 1 + mp.tan(x) ** 2}[name]
    with mp.workprec(1400):
        for k, x in enumerate(places):
            exact, bend = (float(f(mpf(x))) for f in (getattr(mp, name), slope))
            for value in (run.value[k], step(x=x)[0]):
                assert abs(value - exact) <= 4 * math.ulp(exact), x
            for derivative in (run.gradients["x"].value[k, k], step(x=x)[1]["x"]):
                assert abs(derivative - bend) <= 4 * math.ulp(bend), x


# ---------------------------------------------------------------------------------- the edges


def at(text: str, **data: float) -> tuple[float, dict[str, float]]:
    """The value of s, and its gradients."""
    run = gradcalc.loads(text).run(data, of="s")
    return float(run.value), {name: float(g.value) for name, g in run.gradients.items()}


def second(text: str, **data: float) -> dict[tuple[str, str], float]:
    blocks = gradcalc.loads(text).hessian("s", data=data).hessians
    return {(a, b): float(block.value) for a, row in blocks.items() for b, block in row.items()}


@pytest.mark.parametrize(
    ("text", "x", "slope"),
    [
        ("s = sqrt(x)", 0.0, math.inf), ("s = cbrt(x)", 0.0, math.inf), ("s = cbrt(x)", -0.0, math.inf),
        ("s = arcsin(x)", 1.0, math.inf), ("s = arcsin(x)", -1.0, math.inf), ("s = arccos(x)", 1.0, -math.inf),
        ("s = arccos(x)", -1.0, -math.inf), ("s = arccosh(x)", 1.0, math.inf),
    ],
)  # fmt: skip
def test_where_the_derivative_is_infinite(text: str, x: float, slope: float) -> None:
    assert at(text, x=x)[1]["x"] == slope


@pytest.mark.parametrize("x", [-3.0, -1.0, 1.0, 2.0, 1e15, 2.0**53, 1e300])
def test_sinc_is_exactly_0_at_whole_numbers(x: float) -> None:
    """sin(π n) = 0, sinc'(n) = (-1)^n/n."""
    value, slopes = at("s = sinc(x)", x=x)
    assert value == 0
    assert slopes["x"] == pytest.approx(math.cos(math.pi * (x % 2)) / x, rel=1e-15)


def test_sinc_at_0() -> None:
    """sinc(x) = 1 - π² x²/6 + π⁴ x⁴/120 - ..."""
    assert at("s = sinc(x)", x=0.0) == (1.0, {"x": 0.0})
    assert second("s = sinc(x)", x=0.0)["x", "x"] == pytest.approx(-(math.pi**2) / 3, rel=4e-16)


def test_a_third_derivative_of_sinc() -> None:
    """sinc''' by mpmath's differences."""
    found = gradcalc.loads("s = sinc'''(x)").run({"x": 0.7}, of="s").value
    with mp.workdps(60):
        assert float(found) == pytest.approx(float(mp.diff(mp.sincpi, mpf(0.7), 3)), rel=1e-15)


def beside_zeros_of_sinc(order: int) -> list[float]:
    """The floats on both sides of zeros of a derivative, for it has one in each unit from 1 on."""
    found = []
    with mp.workdps(60):
        for k in [*range(1, 25), 100, 1000, 12345, 10**6, 10**9, 10**12]:
            start = mpf(k) + (mpf(1) / 2 if order % 2 else 0)
            zero = float(mp.findroot(lambda x: sinc_derivative(x, order), start))
            found += [zero, math.nextafter(zero, 0.0), math.nextafter(zero, math.inf)]
    return [x for x in found if x > 1] + [1e13 + 0.5, 1e15 + 0.5, -1.430296653124203]


def sinc_derivative(x: Any, order: int) -> Any:
    """By x s⁽ⁿ⁾ + n s⁽ⁿ⁻¹⁾ = πⁿ⁻¹ sin(π x + n π/2)."""
    value = mp.sinpi(x) / (mp.pi * x)
    turned = mp.sinpi(x), mp.cospi(x), -mp.sinpi(x), -mp.cospi(x)
    for n in range(1, order + 1):
        value = (mp.pi ** (n - 1) * turned[n % 4] - n * value) / x
    return value


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_sinc_beside_their_zeros(order: int) -> None:
    places = beside_zeros_of_sinc(order)
    found = gradcalc.loads(f"h = sinc{chr(39) * order}(x)").run({"x": places}).value
    with mp.workdps(80):
        for x, value in zip(places, found, strict=True):
            exact = sinc_derivative(mpf(x), order)
            assert abs(mpf(float(value)) - exact) <= 4 * mpf(math.ulp(float(exact))), x


SUBNORMAL = [5e-324, 1.5e-323, 3.3e-319, -7.7e-310]
BESIDE = [-1.8694624431110043e-09, 0.7, 1.3, 1.9, 3.7e-5, 2.5e-100]


@pytest.mark.parametrize("a", SUBNORMAL)
@pytest.mark.parametrize("b", BESIDE)
def test_slopes_of_two_numbers_of_which_one_is_subnormal(a: float, b: float) -> None:
    """∂arctan2(a, b)/∂b = -a/(a² + b²), ∂hypot(a, b)/∂a = a/h and ∂²hypot/∂a∂b = -a b/h³."""
    with mp.workdps(400):
        x, y = mpf(a), mpf(b)
        angle, length, mixed = -x / (x**2 + y**2), x / mp.hypot(x, y), -x * y / mp.hypot(x, y) ** 3
        found = [
            at("s = arctan2(a, b)", a=a, b=b)[1]["b"],
            at("s = hypot(a, b)", a=a, b=b)[1]["a"],
            second("s = hypot(a, b)", a=a, b=b)["a", "b"],
        ]
        for value, exact in zip(found, (angle, length, mixed), strict=True):
            assert abs(mpf(value) - exact) <= 2 * mpf(math.ulp(float(exact)))


@pytest.mark.parametrize("z", [1e-17, 5.7e-62, 1e-320])
def test_a_power_of_0_with_a_tiny_exponent(z: float) -> None:
    """z x^(z-1) goes to ∞ as x goes to 0, also where z - 1 rounds to -1."""
    assert at("s = x^z", x=0.0, z=z) == (0.0, {"x": math.inf, "z": 0.0})


POWERS_AT_0 = [
    (0.0, {"x": 0.0, "y": -math.inf}, {"yy": math.inf}),
    (0.5, {"x": math.inf, "y": 0.0}, {"xx": -math.inf, "yy": 0.0}),
    (1.0, {"x": 1.0, "y": 0.0}, {"xx": 0.0, "xy": -math.inf, "yx": -math.inf, "yy": 0.0}),
    (1.5, {"x": 0.0, "y": 0.0}, {"xx": math.inf, "xy": 0.0, "yx": 0.0, "yy": 0.0}),
    (2.0, {"x": 0.0, "y": 0.0}, {"xx": 2.0, "xy": 0.0, "yx": 0.0, "yy": 0.0}),
    (3.0, {"x": 0.0, "y": 0.0}, {"xx": 0.0, "xy": 0.0, "yx": 0.0, "yy": 0.0}),
]


@pytest.mark.parametrize(("y", "slopes", "bends"), POWERS_AT_0)
def test_a_power_of_0(y: float, slopes: dict[str, float], bends: dict[str, float]) -> None:
    """Limits from the right of y x^(y-1), x^y log x and their derivatives."""
    assert at("s = x^y", x=0.0, y=y)[1] == slopes
    found = measured.computed("power", {}, [(0.0, y)], (2,))
    names = {"xx": (0, 0), "xy": (0, 1), "yx": (0, 1), "yy": (1, 1)}
    assert {k: float(found[names[k]][0]) for k in bends} == bends


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_whole_constant_power_of_0_is_not_flagged(n: int) -> None:
    run = gradcalc.loads(f"s = x^{n} + 0 x").run({"x": 0.0}, of="s")
    assert (float(run.gradients["x"].value), run.flags) == (float(n == 1), [])


def test_a_negative_base_has_its_derivative_by_the_base() -> None:
    """∂²x^y/∂x² = y (y - 1) x^(y-2) = 12 at (-2, 3) times -1; by y there is none."""
    found = measured.computed("power", {}, [(-2.0, 3.0)], (1, 2))
    assert (found[0,][0], found[0, 0][0]) == (12.0, -12.0)
    assert np.isnan([found[1,][0], found[0, 1][0], found[1, 1][0]]).all()


def test_a_slope_of_a_quotient_with_a_subnormal_number_on_the_way() -> None:
    """∂(a/y)/∂y = -a/y² has all digits where a/y has few."""
    a, y = 3 * 2.0**-1074, 0.7 * 2.0**-30
    assert at("s = a / y", a=a, y=y)[1]["y"] == pytest.approx(float(-Fraction(a) / Fraction(y) ** 2), rel=4e-16, abs=0)


def test_a_clip_whose_bounds_are_the_wrong_way_round() -> None:
    """min(max(x, a), b) = b for a above b."""
    assert at("s = clip(x, a, b)", x=0.0, a=2.0, b=1.0) == (1.0, {"x": 0.0, "a": 0.0, "b": 1.0})


def test_the_derivative_of_a_remainder_agrees_with_it_beside_a_whole_quotient() -> None:
    """mod(x, y) = x + y ∂mod/∂y: 1 - 9 · 0.1 although 1/0.1 rounds to 10."""
    value, slopes = at("s = mod(x, y)", x=1.0, y=0.1)
    assert slopes["y"] == -9.0
    assert value == float(1 - 9 * Fraction(0.1))


def test_the_second_derivative_of_hypot_at_its_kink_is_flagged() -> None:
    """Along x it is 0, along y infinite: no value."""
    found = measured.computed("hypot", {}, [(0.0, 0.0)], (1, 2))
    assert (found[0,][0], found[1,][0]) == (0.0, 0.0)
    assert np.isnan(found[0, 0][0])


def test_half_pi_to_all_its_places() -> None:
    quarter_turns.half_pi.cache_clear()
    with mp.workprec(quarter_turns.BITS + 100):
        assert quarter_turns.half_pi() == int(mp.pi / 2 * 2**quarter_turns.BITS)
