"""Numbers of the graph, exactly: what a text or a float means, how a number is written, which may stand in a constant.

A constant is the rational number that its text says, 0.1 and not the float beside it, so that folding numbers loses
nothing; its value is the nearest float.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fractions import Fraction

MOST_BITS = 4000
"""Bits that a numerator or denominator may have: more digits than that are not worth their time."""
LONGEST = 400
"""Characters of a text that is read exactly."""
_LEAST, _LARGEST = Fraction(sys.float_info.min), Fraction(sys.float_info.max)


def is_representable(number: Fraction) -> bool:
    """Whether a constant can be the number: its float is finite, and has all its digits or is that of an exact 0."""
    if not number:
        return True
    bits = max(number.numerator.bit_length(), number.denominator.bit_length())
    return bits <= MOST_BITS and _LEAST <= abs(number) <= _LARGEST


def total(numbers: Iterable[Fraction]) -> Fraction | None:
    """The sum of some numbers; None where no constant can be it."""
    found = Fraction(0)
    for number in numbers:
        found += number
        if found.denominator.bit_length() > MOST_BITS:
            return None
    return found if is_representable(found) else None


def read(value: float, text: str) -> Fraction:
    """The number that a text of digits says; `value` is its float."""
    if value == 0.0 or len(text) > LONGEST:
        return Fraction(value)
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or 1)


def meant(value: float) -> Fraction:
    """The number that a float stands for: a quotient such as 2/3 where it is the float of one, else its digits."""
    text = repr(float(value))
    if len(text) >= 10 and 1e-3 < abs(value) < 1e3:
        quotient = Fraction(value).limit_denominator(999)
        if quotient.numerator / quotient.denominator == value:
            return quotient
    return Fraction(text)


def written(number: Fraction) -> str:
    """A text for a number: a whole number, a quotient such as 2/3, or the digits of its float, as in 1e200."""
    if number.denominator == 1 and abs(number) < 10**16:
        return str(number.numerator)
    digits, _, power = repr(float(number)).partition("e")
    text = f"{digits}e{int(power)}" if power else digits
    if (len(text) < 10 and Fraction(text) == number) or not 1e-3 < abs(number) < 1e3 or number.denominator > 999:
        return text
    return f"{number.numerator}/{number.denominator}"
