"""sinc and its derivatives against whole turns and series at many digits, at all sizes of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.ops import sinc
from tests.exact.directly import called, column, off

ORDERS = range(1, 8)


def exactly(x: float, order: int) -> Any:
    """∫ (π t)ⁿ cos(π x t + n π/2) dt for t from 0 to 1, as its power series in x."""
    with mp.workdps(60 + 2 * int(abs(x))):
        total, k = mpf(0), (order + 1) // 2
        while True:
            term = (-1) ** k * mp.pi ** (2 * k) * mpf(x) ** (2 * k - order)
            term /= (2 * k + 1) * mp.factorial(2 * k - order)
            total += term
            k += 1
            if k > 4 * abs(x) + 20 and abs(term) <= mpf(10) ** -50 * abs(total):
                return +total


def far_out(x: float, order: int) -> Any:
    """By x sinc(x) = sin(π x)/π, differentiated n times: nothing is lost at 700 digits."""
    with mp.workdps(700):
        value = mp.sinpi(mpf(x)) / (mp.pi * mpf(x))
        for n in range(1, order + 1):
            value = (mp.pi ** (n - 1) * mp.sin(mp.pi * mpf(x) + n * mp.pi / 2) - n * value) / mpf(x)
        return value


def derivative(x: list[float], order: int) -> list[float]:
    found = called("sinc'", column(x), order=order)
    assert found.shape == (len(x), 1)
    return [float(v) for v in found[:, 0]]


def zero_from(x: float, order: int) -> float:
    """The float nearest to the first zero of the derivative from a number on."""
    with mp.workdps(40):
        steps = [mpf(x) + mpf(k) / 16 for k in range(40)]
        signs = [mp.sign(far_out(t, order)) for t in steps]
        turn = next(k for k in range(39) if signs[k] != signs[k + 1])
        return float(mp.findroot(lambda t: far_out(t, order), (steps[turn], steps[turn + 1]), solver="anderson"))


def units(order: int) -> int:
    """How far a derivative may be off: a function's value and first two derivatives, then higher ones."""
    return 4 if order < 3 else 8


@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_at_moderate_numbers(order: int) -> None:
    places = [0.5, 0.501, 0.49999999999999994, 0.25, 0.3, 0.1, 1e-3, 0.7, 0.9, 1.0, 1.5, 1.0000001, 1.25, 2.0, 2.5, 2.3]
    places += [3.0, 3.7, 4.2, 5.5, 6.75, 7.0, 9.9, 12.125, 0.75, 1.75, 3.25, 0.6]
    for x, value, turned in zip(
        places, derivative(places, order), derivative([-p for p in places], order), strict=True
    ):
        assert off(value, exactly(x, order)) <= units(order), x
        assert turned == (-value if order % 2 else value)


@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_near_zero_and_at_it(order: int) -> None:
    tiny = [1e-3, 1e-8, 1e-30, 1e-160, 1e-300, 5e-324]
    for x, value in zip(tiny, derivative(tiny, order), strict=True):
        assert off(value, exactly(x, order)) <= units(order), x
    (middle,) = derivative([0.0], order)
    exact = 0 if order % 2 else (-1) ** (order // 2) * mp.pi**order / (order + 1)
    assert off(middle, exact) <= 2


@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_far_out(order: int) -> None:
    places = [33.3, 1e3 + 0.1, 123456.789, 1e6, 1e9 + 0.25, 2.0**40 + 0.5, 2.0**51 + 0.5, 2.0**52 + 1.0, 2.0**52 + 2.0]
    places += [2.0**53 - 1.0, 2.0**53 - 2.0, 2.0**53, 2.0**53 + 2.0, 1e17, 1e100, 1e300, 1.7e308]
    for x, value, turned in zip(
        places, derivative(places, order), derivative([-p for p in places], order), strict=True
    ):
        assert off(value, far_out(x, order)) <= units(order), x
        assert turned == (-value if order % 2 else value)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("start", [0.6, 2.6, 8.49, 5.2, 1e4 + 0.4, 1e9])
def test_derivatives_at_the_floats_next_to_their_zeros(order: int, start: float) -> None:
    """There most digits cancel: as many as floats have, and more."""
    zero = zero_from(start, order)
    places = [zero, math.nextafter(zero, 0), math.nextafter(zero, math.inf), zero * (1 + 1e-14), zero * (1 - 1e-12)]
    places += [-zero, zero * (1 + 1e-9)]
    for x, value in zip(places, derivative(places, order), strict=True):
        assert off(value, far_out(x, order)) <= units(order), x


def test_all_sizes_stand_in_one_array() -> None:
    """Each entry is what it is alone."""
    places = [0.0, 0.3, -0.3, 0.5, 1.0, -2.5, zero_from(1.0, 1), 1e6 + 0.5, 2.0**53, -(2.0**53 + 2), 1e300, 1e-300]
    together = called("sinc'", np.array(places).reshape(3, 1, 4), order=3)
    assert together.shape == (3, 1, 4)
    assert together.ravel().tolist() == [derivative([x], 3)[0] for x in places]


def test_sine_and_cosine_of_turns_to_twice_the_digits() -> None:
    x = np.array([0.5, -0.5, 0.25, 1.0, 2.0, 1e-20, 3.3, -7.75, 1e6 + 0.125, 0.4999, 2.0**52 + 1])
    (sine, sine_rest), (cosine, cosine_rest) = sinc._turned(x)
    with mp.workdps(80):
        for k, number in enumerate(x.tolist()):
            for exact, high, low in (
                (mp.sinpi(mpf(number)), sine[k], sine_rest[k]),
                (mp.cospi(mpf(number)), cosine[k], cosine_rest[k]),
            ):
                assert abs(mpf(high) + mpf(low) - exact) <= mpf(2) ** -100 * min(1, 4 * abs(number))
    assert sine[3] == sine[4] == sine[10] == 0
    assert (cosine[3], cosine[4], cosine[10]) == (-1, 1, -1)


@pytest.mark.parametrize("order", range(8))
def test_in_whole_numbers_the_recurrence_is_right_to_the_last_digit(order: int) -> None:
    for x in (0.5, 1.0, 1.5, -1.5, 2.0, 2.5, 3.0, 3.25, -0.75, 17.6875, 1000.5, 1e7 + 0.3):
        found = sinc._in_whole_numbers(x, order)
        if exact := far_out(x, order) if not (order == 0 and x % 1 == 0) else 0:
            assert off(found, exact) <= 0.5000001, x
        else:
            assert found == 0


def test_sinc_itself() -> None:
    places = [0.0, 0.5, 1.0, -1.0, 2.0, 0.25, 1e-200, 1e-320, 3.5, -4.75, 12345.625, 2.0**53, 1e300, 1e9 + 0.5]
    found = called("sinc", column(places))[:, 0]
    for x, value in zip(places, found.tolist(), strict=True):
        if x == 0:
            assert value == 1
        elif x % 1 == 0:
            assert value == 0
        else:
            assert off(value, far_out(x, 0)) <= 3
    assert (called("sinc", -column(places))[:, 0] == found).all()


def test_whole_numbers_are_slow_and_serve_only_the_floats_next_to_zeros(monkeypatch: Any) -> None:
    def refuse(x: float, order: int) -> float:
        raise AssertionError(f"{x} in whole numbers")

    monkeypatch.setattr(sinc, "_in_whole_numbers", refuse)
    places = [0.6, -0.7, 1.0, -2.0, 3.3, 12.125, -99.9, 1e4 + 0.3, -1e6 - 0.2, 1e8 + 0.3, 1e12 + 0.25]
    for order in ORDERS:
        for x, value in zip(places, derivative(places, order), strict=True):
            assert off(value, far_out(x, order)) <= units(order)
