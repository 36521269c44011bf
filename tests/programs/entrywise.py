"""Productions that act entry by entry, for every shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.programs.author import Author, Unsuitable, production
from tests.programs.made import ATOM, POWER, PRODUCT, SUM, Array, Expression, Namespace, Shape
from tests.programs.meaning import BENT, BOUNDED, COMPARISONS, INSIDE, POSITIVE, PRIMES, SMOOTH, STEPS


@production(weight=2)
def a_sum(author: Author, shape: Shape, depth: int) -> Expression:
    terms = [author.expression(shape, depth) for _ in range(author.random.choice((2, 2, 3)))]
    if shape and author.random.random() < 0.2:
        terms.append(author.expression((), depth))
    return author.sum_of(terms)


@production()
def a_product(author: Author, shape: Shape, depth: int) -> Expression:
    a, b = author.expression(shape, depth), author.expression(shape, depth)
    if not shape:
        return author.scaled(a, b)
    sign = author.random.choice(("∘", ".*", "⊙"))
    return author.new(f"{a.at(PRODUCT)} {sign} {b.at(POWER)}", PRODUCT, shape, lambda xp, x, y: x * y, a, b)


@production()
def a_multiple(author: Author, shape: Shape, depth: int) -> Expression:
    if author.random.random() < 0.3:
        inner = author.expression(shape, depth)
        return author.new(f"-{inner.at(PRODUCT)}", SUM, shape, lambda xp, x: -x, inner)
    return author.scaled(author.expression((), depth), author.expression(shape, depth))


@production()
def a_quotient(author: Author, shape: Shape, depth: int) -> Expression:
    above = author.expression(shape, depth)
    of_each = bool(shape) and author.random.random() < 0.5
    below = author.positive(shape if of_each else (), depth)
    sign = " ./ " if of_each else "/"
    return author.new(f"{above.at(PRODUCT)}{sign}{below.at(POWER)}", PRODUCT, shape,
                      lambda xp, x, y: x / y, above, below)  # fmt: skip


@production(weight=2)
def a_smooth_function(author: Author, shape: Shape, depth: int) -> Expression:
    inner = author.expression(shape, depth)
    largest = np.max(np.abs(inner.value))
    table = {**SMOOTH, **(BOUNDED if largest < 2 else {}), **(INSIDE if largest < 0.9 else {})}
    name = author.random.choice(list(table))
    return author.call(name, inner, shape, table[name])


@production()
def a_function_on_an_interval(author: Author, shape: Shape, depth: int) -> Expression:
    """What stays within -1 and 1, or above 1, by its form."""
    inner = author.expression(shape, depth)
    if author.random.random() < 0.3:
        above = author.new(f"1.5 + sigmoid({inner.text})", SUM, shape,
                           lambda xp, x: 1.5 + SMOOTH["sigmoid"](xp, x), inner)  # fmt: skip
        return author.call("arccosh", above, shape, lambda xp, x: xp.arccosh(x))
    name = author.random.choice(list(INSIDE))
    within = author.new(f"0.9 sin({inner.text})", PRODUCT, shape, lambda xp, x: 0.9 * xp.sin(x), inner)
    return author.call(name, within, shape, INSIDE[name])


@production()
def a_function_of_positive_numbers(author: Author, shape: Shape, depth: int) -> Expression:
    name = author.random.choice(list(POSITIVE))
    return author.call(name, author.positive(shape, depth), shape, POSITIVE[name])


@production()
def a_bent_function(author: Author, shape: Shape, depth: int) -> Expression:
    inner = author.expression(shape, depth)
    author.apart(inner.value)
    name = author.random.choice(list(BENT))
    if name == "abs" and "|" not in inner.text and "‖" not in inner.text and author.random.random() < 0.7:
        return author.new(f"|{inner.text}|", ATOM, shape, BENT[name], inner)
    return author.call(name, inner, shape, BENT[name])


@production()
def a_function_that_steps(author: Author, shape: Shape, depth: int) -> Expression:
    inner = author.expression(shape, depth)
    if author.random.random() < 0.6:
        author.apart(2 * inner.value - np.round(2 * inner.value))
        name = author.random.choice(list(STEPS))
        return author.call(name, inner, shape, STEPS[name])
    divisor = author.positive(shape, depth)
    quotient = inner.value / divisor.value
    author.apart(quotient - np.round(quotient))
    return author.new(f"mod({inner.text}, {divisor.text})", ATOM, shape,
                      lambda xp, x, y: x - y * xp.floor(x / y), inner, divisor)  # fmt: skip


@production()
def a_power(author: Author, shape: Shape, depth: int) -> Expression:
    sign = " .^ " if shape else "^"
    kind = author.random.random()
    if kind < 0.5:
        inner, whole = author.expression(shape, depth), author.random.choice((2, 2, 3))
        return author.new(f"{inner.at(ATOM)}{sign}{whole}", POWER, shape, lambda xp, x: x**whole, inner)
    base = author.positive(shape, depth)
    if kind < 0.8:
        exponent = author.random.choice((-1, 0.5, 1.5, -2))
        written = f"({exponent})" if exponent < 0 else f"{exponent}"
        return author.new(f"{base.at(ATOM)}{sign}{written}", POWER, shape, lambda xp, x: x**exponent, base)
    above = author.expression(shape, depth)
    return author.new(f"{base.at(ATOM)}{sign}sin({above.text})", POWER, shape,
                      lambda xp, x, n: xp.exp(xp.sin(n) * xp.log(x)), base, above)  # fmt: skip


@production()
def a_call(author: Author, shape: Shape, depth: int) -> Expression:
    """A function of the file, or the derivative of one."""
    of_one = [(name, f) for of, names in ((SMOOTH, ""), (PRIMES, "'")) for name, known in author.aliases
              for name, f in [(name + names, of[known])]]  # fmt: skip
    of_one += [(name + prime, f) for name, *both in author.of_one for prime, f in zip(("", "'"), both, strict=True)]
    if not of_one and not author.of_two:
        raise Unsuitable
    name, function = author.random.choice([*of_one, *author.of_two])
    if any(function is two for _, two in author.of_two):
        a, b = author.expression(shape, depth), author.expression(shape, depth)
        return author.new(f"{name}({a.text}, {b.text})", ATOM, shape, function, a, b)
    return author.call(name, author.expression(shape, depth), shape, function)


@production()
def an_extreme(author: Author, shape: Shape, depth: int) -> Expression:
    name = author.random.choice(("max", "min"))
    operands = [author.expression(shape, depth) for _ in range(author.random.choice((2, 2, 3)))]
    if shape and author.random.random() < 0.3:
        operands[1] = author.expression((), 0)
    for i, a in enumerate(operands):
        author.apart(*(a.value - b.value for b in operands[:i]))

    def extreme(xp: Namespace, *x: Array) -> Array:
        result = x[0]
        for other in x[1:]:
            result = (xp.maximum if name == "max" else xp.minimum)(result, other)
        return result

    return author.new(f"{name}({', '.join(o.text for o in operands)})", ATOM, shape, extreme, *operands)


@production()
def a_clip(author: Author, shape: Shape, depth: int) -> Expression:
    """Between two numbers, or between two expressions."""
    inner = author.expression(shape, depth)
    low = author.expression(shape if author.random.random() < 0.3 else (), 0)
    width = round(author.random.uniform(0.3, 2), 1)
    high = author.new(f"{low.at(SUM)} + {width}", SUM, low.shape, lambda xp, x: x + width, low)
    author.apart(inner.value - low.value, inner.value - high.value)
    return author.new(f"clip({inner.text}, {low.text}, {high.text})", ATOM, shape,
                      lambda xp, x, a, b: xp.minimum(xp.maximum(x, a), b), inner, low, high)  # fmt: skip


@production()
def a_choice(author: Author, shape: Shape, depth: int) -> Expression:
    a, b = author.expression(shape, depth), author.expression(shape, depth)
    x, y = author.expression(shape, depth), author.expression(shape if author.random.random() < 0.6 else (), 0)
    author.apart(x.value - y.value)
    sign, holds = author.random.choice(list(COMPARISONS.items()))
    if author.random.random() < 0.3:
        factor = f"1({x.text} {sign} {y.text})"
        times = "∘" if shape else "*"
        return author.new(f"{factor} {times} {a.at(POWER)}", PRODUCT, shape,
                          lambda xp, p, q, r: xp.where(holds(p, q), r, 0 * r), x, y, a)  # fmt: skip
    return author.new(f"where({x.text} {sign} {y.text}, {a.text}, {b.text})", ATOM, shape,
                      lambda xp, p, q, r, s: xp.where(holds(p, q), r, s), x, y, a, b)  # fmt: skip


@production()
def a_length_or_an_angle(author: Author, shape: Shape, depth: int) -> Expression:
    a, b = author.expression(shape, depth), author.expression(shape, depth)
    author.apart(np.hypot(a.value, b.value))

    def length(xp: Namespace, x: Array, y: Array) -> Any:
        return xp.sqrt(x * x + y * y)

    if author.random.random() < 0.6:
        return author.new(f"hypot({a.text}, {b.text})", ATOM, shape, length, a, b)
    author.apart(b.value)
    return author.new(f"arctan2({a.text}, {b.text})", ATOM, shape, lambda xp, x, y: xp.arctan2(x, y), a, b)
