"""Productions that take many entries together: reductions, products to a number, losses, the softmax family."""

from __future__ import annotations

import numpy as np

from tests.programs.author import Author, production
from tests.programs.made import ATOM, PRODUCT, Array, Expression, Namespace, Shape
from tests.programs.meaning import REDUCTIONS, log_softmax, logsumexp, product_of, sigmoid, softmax

BARS = {"norm": "", "norm1": "_1", "norminf": "_inf"}


def lines_of(value: np.ndarray, axis: int | None) -> np.ndarray:
    """What a reduction takes together, one line each, in order of size."""
    return np.sort(value.reshape(1, -1) if axis is None else np.moveaxis(value, axis, -1), axis=-1)


def check(author: Author, name: str, value: np.ndarray, axis: int | None) -> None:
    """Keep away from norms of zero, from spreads of zero and from ties."""
    if name in ("norm", "norm2", "norm1", "norminf"):
        author.apart(value)
    if name == "std":
        author.apart(np.std(value, axis=axis))
    if name in ("max", "min", "norminf"):
        lines = lines_of(np.abs(value) if name == "norminf" else value, axis)
        author.apart(np.diff(lines, axis=-1) if lines.shape[-1] > 1 else np.ones(1))


@production("scalar", weight=3)
def a_reduction(author: Author, shape: Shape, depth: int) -> Expression:
    inner = author.expression(author.any_shape() or (author.sizes[0],), depth)
    name = author.random.choice(list(REDUCTIONS))
    check(author, name, inner.value, None)
    if name in BARS and "|" not in inner.text and "‖" not in inner.text and author.random.random() < 0.7:
        return author.new(f"‖{inner.text}‖{BARS[name]}", ATOM, (), lambda xp, x: REDUCTIONS[name](xp, x, None), inner)
    return author.reduced(name, inner, None, ())


@production("column", "row")
def a_reduction_along_an_axis(author: Author, shape: Shape, depth: int) -> Expression:
    axis = 1 if len(shape) == 1 else 0
    other = author.random.choice(author.sizes)
    inner = author.expression((shape[0], other) if axis else (other, shape[1]), depth)
    name = author.random.choice(list(REDUCTIONS))
    check(author, name, inner.value, axis)
    return author.reduced(name, inner, axis, shape)


def shares(author: Author, value: np.ndarray, axis: int | None) -> np.ndarray:
    """What part each entry has in the median, constant around entries of which no two are nearly equal."""
    lines = lines_of(value, axis)
    author.apart(np.diff(lines, axis=-1) if lines.shape[-1] > 1 else np.ones(1))
    distance = np.abs(value - np.median(value, axis=axis, keepdims=True))
    chosen = distance <= np.min(distance, axis=axis, keepdims=True) + 1e-9
    return chosen / np.sum(chosen, axis=axis, keepdims=True)


@production("scalar", "column", "row")
def a_median(author: Author, shape: Shape, depth: int) -> Expression:
    """Linear around the data: the mean of the middle entries."""
    axis = None if not shape else 1 if len(shape) == 1 else 0
    other = author.random.choice(author.sizes)
    inside = author.any_shape() or (other,) if axis is None else (shape[0], other) if axis else (other, shape[1])
    inner = author.expression(inside, depth)
    weights = shares(author, inner.value, axis)
    option = "" if axis is None else f", axis={axis}"
    return author.new(f"median({inner.text}{option})", ATOM, shape,
                      lambda xp, x: xp.sum(x * xp.constant(weights), axis=axis, keepdims=True), inner)  # fmt: skip


@production("column")
def parts_of_a_reduction(author: Author, shape: Shape, depth: int) -> Expression:
    """For each entry the product of the others, or its part in the median, which is constant around the data."""
    inner = author.expression(shape, depth)
    if author.random.random() < 0.3:
        weights = shares(author, inner.value, None)
        return author.call("median_share", inner, shape, lambda xp, x: xp.constant(weights) + 0 * x)

    def others(xp: Namespace, x: Array) -> Array:
        lines = [x[i : i + 1, :] for i in range(shape[0])]
        return xp.concatenate([product_of(lines[:i] + lines[i + 1 :]) for i in range(shape[0])], 0)

    return author.call("prod_others", inner, shape, others)


@production("scalar", weight=3)
def an_inner_product(author: Author, shape: Shape, depth: int) -> Expression:
    n = author.random.choice(author.sizes)
    a, b = author.expression((n,), depth), author.expression((n,), depth)
    if author.random.random() < 0.3:
        return author.new(f"dot({a.text}, {b.text})", ATOM, (), lambda xp, x, y: x.T @ y, a, b)
    if author.random.random() < 0.4:
        middle = author.expression((n, n), depth - 1)
        return author.new(b.after(middle.after(f"{a.at(ATOM)}^T")), PRODUCT, (),
                          lambda xp, x, m, y: x.T @ m @ y, a, middle, b)  # fmt: skip
    turned = author.random.choice(("^T", "'"))
    return author.new(b.after(f"{a.at(ATOM)}{turned}"), PRODUCT, (), lambda xp, x, y: x.T @ y, a, b)


@production("scalar")
def a_size(author: Author, shape: Shape, depth: int) -> Expression:
    """The number of entries, as a divisor."""
    inner = author.expression((author.random.choice(author.sizes),), depth)
    return author.new(f"sum({inner.text}) / size({inner.text})", PRODUCT, (),
                      lambda xp, x: xp.sum(x, axis=None, keepdims=True) / x.shape[0], inner)  # fmt: skip


@production("scalar", weight=2)
def a_loss(author: Author, shape: Shape, depth: int) -> Expression:
    n = author.random.choice(author.sizes)
    a, b = author.expression((n,), depth), author.expression((n,), depth)
    if author.random.random() < 0.4:
        return author.new(f"mse({a.text}, {b.text})", ATOM, (),
                          lambda xp, x, y: xp.mean((x - y) ** 2, axis=None, keepdims=True), a, b)  # fmt: skip
    if author.random.random() < 0.3:
        place = author.random.randrange(n)
        return author.new(f"cross_entropy(softmax({a.text}), onehot({place}, {n}))", ATOM, (),
                          lambda xp, x: logsumexp(xp, x) - x[place : place + 1, :], a)  # fmt: skip
    return author.new(f"cross_entropy(softmax({a.text}), sigmoid({b.text}))", ATOM, (),
                      lambda xp, x, y: -xp.sum(sigmoid(xp, y) * log_softmax(xp, x), axis=None, keepdims=True),
                      a, b)  # fmt: skip


@production("column", "row")
def a_softmax(author: Author, shape: Shape, depth: int) -> Expression:
    name, function = author.random.choice((("softmax", softmax), ("log_softmax", log_softmax)))
    return author.call(name, author.expression(shape, depth), shape, function)


@production("matrix")
def a_softmax_along_an_axis(author: Author, shape: Shape, depth: int) -> Expression:
    inner, axis = author.expression(shape, depth), author.random.choice((0, 1))
    name, function = author.random.choice((("softmax", softmax), ("log_softmax", log_softmax)))
    return author.new(f"{name}({inner.text}, axis={axis})", ATOM, shape, lambda xp, x: function(xp, x, axis), inner)
