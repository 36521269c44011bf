"""Activation functions and the normal distribution, also where their formulas change, against mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.ops import activations
from gradcalc.ops.activations import times_exp
from tests.exact.directly import called, column, off


def sigma(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def density(x: Any) -> Any:
    return mp.exp(-min(x * x, 10**9) / 2) / mp.sqrt(2 * mp.pi)


def normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1e4 else mpf(x > 0)  # from there on within 10^-(10^7)


EXACT: dict[str, Callable[[Any], Any]] = {
    "sigmoid": sigma,
    "sigmoid'": lambda x: sigma(x) * sigma(-x),
    "softplus": lambda x: mp.log1p(mp.exp(-abs(x))) + max(x, 0),
    "softsign": lambda x: x / (1 + abs(x)),
    "relu": lambda x: max(x, mpf(0)),
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "silu": lambda x: x * sigma(x),
    "silu'": lambda x: sigma(x) * (1 + x * sigma(-x)),
    "silu''": lambda x: sigma(x) * sigma(-x) * (2 - x * mp.tanh(x / 2)),
    "erf": mp.erf,
    "gelu": lambda x: x * normal(x),
    "gelu'": lambda x: normal(x) + x * density(x),
}
PLACES = [0.0, 5e-324, 1e-300, 1e-20, 1e-8, 0.01, 0.3, 0.75, 1.0, 1.3, 2.0, 2.4, 3.0, 5.0, 8.0, 12.5, 20.0, 28.0, 29.9]
PLACES += [
    30.0,
    30.000001,
    30.5,
    33.0,
    36.7,
    37.5,
    38.0,
    38.4,
    38.6,
    39.5,
    40.0,
    40.5,
    45.0,
    100.0,
    333.3,
    599.0,
    600.0,
]
PLACES += [600.5, 640.25, 700.0, 708.0, 710.0, 720.0, 740.0, 744.0, 745.0, 746.0, 750.0, 760.0, 1e3, 1e10, 1e300]
ZEROS = {"silu'": [-1.2784645427610738], "silu''": [2.3993572805154675], "gelu'": [-0.7517915246935645]}
"""The zeros where digits cancel."""


def beside(zero: float) -> list[float]:
    """The floats at a number and around it, nearer and farther."""
    steps = [2.0**-k for k in (50, 40, 30, 20, 10, 6, 4, 3, 2, 1)]
    return [
        zero,
        math.nextafter(zero, 9),
        math.nextafter(zero, -9),
        *(zero + s for s in steps),
        *(zero - s for s in steps),
    ]


@pytest.mark.parametrize("name", sorted(EXACT))
def test_values_over_the_whole_range_of_floats(name: str) -> None:
    places = [*PLACES, *(-x for x in PLACES)]
    for zero in ZEROS.get(name, []):
        places += beside(zero) + beside(-zero)
    places += beside(0.7) + beside(-1.45)
    found = called(name, column(places))
    assert found.shape == (len(places), 1)
    with mp.workdps(60):
        for x, value in zip(places, found[:, 0].tolist(), strict=True):
            with mp.workdps(60 + int(min(abs(x), 800))):
                assert off(value, EXACT[name](mpf(x))) <= 4, x


@pytest.mark.parametrize("name", sorted(EXACT))
def test_a_value_is_the_same_alone_and_among_others(name: str) -> None:
    """Which formula serves one entry says nothing about those beside it."""
    places = np.array([-750.0, -601.0, -599.0, -35.0, -20.0, -0.75, -1.28, 0.0, 2.4, 20.0, 35.0, 601.0])
    together = called(name, places.reshape(2, 3, 2))
    assert together.shape == (2, 3, 2)
    alone = [called(name, np.array([[x]])).item() for x in places]
    assert np.allclose(together.ravel(), alone, rtol=1e-15, atol=0)


def test_leaky_relu_is_steep_above_zero_and_flat_below() -> None:
    x = column([-1e308, -2.5, -1.0, 0.0, 5e-324, 1.0, 3.5, 1e308])
    assert called("leaky_relu", x)[:, 0].tolist() == [-1e308 * 0.01, -0.025, -0.01, 0.0, 5e-324, 1.0, 3.5, 1e308]


def test_the_ends_are_reached() -> None:
    ends = column([-math.inf, math.inf])
    for name, low, high in (
        ("sigmoid", 0, 1), ("sigmoid'", 0, 0), ("softplus", 0, math.inf), ("relu", 0, math.inf), ("erf", -1, 1),
        ("elu", -1, math.inf),
    ):  # fmt: skip
        assert called(name, ends)[:, 0].tolist() == [low, high], name
    assert called("silu", column([-1e308, -800.0]))[:, 0].tolist() == [0, 0]


@pytest.mark.parametrize("rest", [0.0, 1e-17, -3e-16])
def test_a_factor_times_a_small_exponential_keeps_its_digits(rest: float) -> None:
    """c exp(t + rest), also where exp(t) alone has none."""
    factors = [1.0, -2.5, 3.0, 1e10, 1e200, 1e300, -1.7e308, 1e-10, 0.0]
    exponents = [0.0, -1.0, -50.5, -599.9, -600.0, -600.25, -650.0, -708.5, -744.0, -750.0, -900.125, -1300.0, -1440.0]
    exponents += [-1500.0, -2000.0]
    for only in (exponents, exponents[:4], exponents[-1:]):
        c, t = (a.ravel() for a in np.meshgrid(factors, only))
        for rests in (rest, np.full(c.shape, rest)):
            with np.errstate(over="ignore"):  # of the formula that is not taken
                found = times_exp(c, t, rests)
            for k in range(len(c)):
                with mp.workdps(60):
                    exact = mpf(c[k]) * mp.exp(mpf(t[k]) + mpf(rest))
                    assert off(found[k], exact) <= 3, (c[k], t[k])
    assert (times_exp(np.array([2.0]), np.array([-700.0])) == times_exp(np.array([2.0]), np.array([-700.0]), 0.0)).all()


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_a_bell_of_any_height(rate: float) -> None:
    factors = np.array([1.0, -3.0, 1e300, 1e-300, 1.7e308, 0.0])
    places = np.array(
        [0.0, 1e-9, 0.3, 1.7, 5.123456, 17.0987, 24.6, 26.5, 27.0, 30.01, 37.7, 38.5, 39.99, 40.0, 41.0, 1e9]
    )
    places = np.concatenate([places, -places])
    found = called("bell", factors[:, None], places[None, :], rate=rate)
    assert found.shape == (6, len(places))
    for i, c in enumerate(factors):
        for j, x in enumerate(places):
            with mp.workdps(60):
                exact = mpf(c) * mp.exp(-mpf(rate) * mpf(x) ** 2)
            assert off(found[i, j], exact) <= 3, (c, x)


def test_the_normal_distribution() -> None:
    places = [x for x in np.linspace(-37.6, 9, 200).tolist() if x] + [-40.0, -50.0, 40.0, 1e300, -1e300, 0.0, 1e-10]
    found = activations._normal(np.array(places))
    for x, value in zip(places, found.tolist(), strict=True):
        with mp.workdps(60):
            exact = normal(mpf(x)) if abs(x) < 1e9 else mpf(x > 0)
            assert off(value, exact) <= 3, x


def test_mills_ratio_far_below_zero() -> None:
    places = [-30.0, -30.5, -33.3, -38.0, -40.0, -1e3, -1e8, -1e200]
    for x, value in zip(places, activations._mills(np.array(places)).tolist(), strict=True):
        with mp.workdps(60):
            exact = normal(mpf(x)) * -mpf(x) / density(mpf(x)) if x > -2e3 else 1 - mpf(x) ** -2
            assert off(value, exact) <= 1.01, x


@pytest.mark.parametrize("place", [-0.75, 0.0, 1.25])
def test_a_series_of_gelu_about_a_place(place: float) -> None:
    found = activations._series_at(place, 12)
    assert len(found) == 12
    with mp.workdps(60):
        exact = mp.taylor(lambda x: normal(x) + x * density(x), mpf(place), 12)[1:]
        for value, coefficient in zip(found, exact, strict=True):
            assert abs(value - coefficient) <= 1e-14 * max(abs(coefficient), mpf(10) ** -3)
