"""Productions of linear algebra: products, inverses, determinants, Kronecker products."""

from __future__ import annotations

import numpy as np

from tests.programs.author import Author, Unsuitable, production
from tests.programs.made import ATOM, POWER, PRODUCT, SUM, Array, Expression, Namespace, Shape, extent

PAIRS = {(4, 4): ((2, 2), (2, 2)), (4, 2): ((2, 2), (2,)), (2, 4): ((2, 2), (1, 2)), (2, 3): ((2,), (1, 3)),
         (3, 2): ((1, 2), (3,)), (2, 2): ((2,), (1, 2)), (4, 3): ((2, 3), (2,))}  # fmt: skip
"""Shapes whose Kronecker product has a shape."""


def square(shape: Shape) -> int:
    if shape[0] != shape[1]:
        raise Unsuitable
    return shape[0]


def inverse(xp: Namespace, x: Array) -> Array:
    return xp.linalg.inv(x)


def determinant(xp: Namespace, x: Array) -> Array:
    return xp.reshape(xp.linalg.det(x), (1, 1))


def trace(xp: Namespace, x: Array) -> Array:
    return xp.sum(x * xp.constant(np.eye(x.shape[0])), axis=None, keepdims=True)


@production("scalar")
def a_number_of_a_square_matrix(author: Author, shape: Shape, depth: int) -> Expression:
    n = author.random.choice((2, 3))
    name = author.random.choice(("tr", "trace", "det", "logdet"))
    if name in ("tr", "trace"):
        return author.call(name, author.expression((n, n), depth), (), trace)
    inner = author.well_conditioned(n, depth)
    if name == "det":
        return author.call(name, inner, (), determinant)
    return author.call(name, inner, (), lambda xp, x: xp.log(determinant(xp, x)))


# --------------------------------------------------------------------- columns and rows


@production("column", weight=4)
def a_layer(author: Author, shape: Shape, depth: int) -> Expression:
    """W x + b, W^T x, (A B) x."""
    m, n = shape[0], author.random.choice(author.sizes)
    x = author.expression((n,), depth)
    if author.random.random() < 0.4:
        matrix = author.expression((n, m), depth - 1)
        made = author.new(x.after(f"{matrix.at(ATOM)}^T"), PRODUCT, shape, lambda xp, w, v: w.T @ v, matrix, x)
    else:
        matrix = author.expression((m, n), depth - 1)
        sign = author.random.choice((" @ ", " * "))
        text = author.random.choice((x.after(matrix.at(PRODUCT)), f"{matrix.at(PRODUCT)}{sign}{x.at(POWER)}"))
        made = author.new(text, PRODUCT, shape, lambda xp, w, v: w @ v, matrix, x)
    return made if author.random.random() < 0.5 else author.sum_of([made, author.expression(shape, 0)])


@production("row", weight=2)
def a_row_times_a_matrix(author: Author, shape: Shape, depth: int) -> Expression:
    m = author.random.choice(author.sizes)
    x, matrix = author.expression((m,), depth), author.expression((m, shape[1]), depth)
    return author.new(matrix.after(f"{x.at(ATOM)}^T"), PRODUCT, shape, lambda xp, v, w: v.T @ w, x, matrix)


@production("column")
def a_solution(author: Author, shape: Shape, depth: int) -> Expression:
    n = shape[0]
    matrix, x = author.well_conditioned(n, depth - 1), author.expression(shape, depth)
    kind = author.random.choice(("solve", "^-1", "^-T", "inv"))
    if kind == "^-T":
        return author.new(x.after(f"{matrix.at(ATOM)}^-T"), PRODUCT, shape,
                          lambda xp, a, b: inverse(xp, a).T @ b, matrix, x)  # fmt: skip
    text = {"solve": f"solve({matrix.text}, {x.text})", "^-1": x.after(f"{matrix.at(ATOM)}^-1"),
            "inv": x.after(f"inv({matrix.text})")}[kind]  # fmt: skip
    level = ATOM if kind == "solve" else PRODUCT
    return author.new(text, level, shape, lambda xp, a, b: inverse(xp, a) @ b, matrix, x)


@production("column")
def a_kronecker_product_of_columns(author: Author, shape: Shape, depth: int) -> Expression:
    if shape[0] != 4:
        raise Unsuitable
    return kronecker(author, author.expression((2,), depth), author.expression((2,), depth), shape)


@production("column")
def a_cross_product(author: Author, shape: Shape, depth: int) -> Expression:
    if shape != (3,):
        raise Unsuitable
    a, b = author.expression(shape, depth), author.expression(shape, depth)
    turn = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])

    def cross(xp: Namespace, x: Array, y: Array) -> Array:
        on, back = xp.constant(turn), xp.constant(turn.T)
        return (on @ x) * (back @ y) - (back @ x) * (on @ y)

    return author.new(f"cross({a.text}, {b.text})", ATOM, shape, cross, a, b)


# -------------------------------------------------------------------------- matrices


@production("matrix", weight=3)
def a_matrix_product(author: Author, shape: Shape, depth: int) -> Expression:
    n = author.random.choice(author.sizes)
    left, right = author.random.random() < 0.3, author.random.random() < 0.3
    a = author.expression((n, shape[0]) if left else (shape[0], n), depth)
    b = author.expression((shape[1], n) if right else (n, shape[1]), depth)
    turned = f"{b.at(ATOM)}^T" if right else b.text
    text = Expression(turned, ATOM if right else b.level, (), b.value, b.compute).after(f"{a.at(ATOM)}{'^T' * left}")
    return author.new(text, PRODUCT, shape,
                      lambda xp, x, y: (x.T if left else x) @ (y.T if right else y), a, b)  # fmt: skip


@production("matrix", weight=2)
def an_outer_product(author: Author, shape: Shape, depth: int) -> Expression:
    a, b = author.expression((shape[0],), depth), author.expression((shape[1],), depth)
    if author.random.random() < 0.4:
        return author.new(f"outer({a.text}, {b.text})", ATOM, shape, lambda xp, x, y: x @ y.T, a, b)
    turned = Expression(f"{b.at(ATOM)}^T", ATOM, (), b.value, b.compute)
    return author.new(turned.after(a.at(ATOM)), PRODUCT, shape, lambda xp, x, y: x @ y.T, a, b)


@production("matrix")
def an_inverse(author: Author, shape: Shape, depth: int) -> Expression:
    inner = author.well_conditioned(square(shape), depth)
    text, level = author.random.choice(((f"inv({inner.text})", ATOM), (f"{inner.at(ATOM)}^-1", POWER)))
    return author.new(text, level, shape, inverse, inner)


@production("matrix")
def a_matrix_of_solutions(author: Author, shape: Shape, depth: int) -> Expression:
    matrix, right = author.well_conditioned(shape[0], depth - 1), author.expression(shape, depth)
    return author.new(f"solve({matrix.text}, {right.text})", ATOM, shape,
                      lambda xp, a, b: inverse(xp, a) @ b, matrix, right)  # fmt: skip


@production("matrix")
def an_adjugate(author: Author, shape: Shape, depth: int) -> Expression:
    """adj(A) = det(A) A^-1, and its derivative along H, det(A) (tr(A^-1 H) A^-1 - A^-1 H A^-1)."""
    inner = author.well_conditioned(square(shape), depth)
    if author.random.random() < 0.5:
        return author.call("adj", inner, shape, lambda xp, x: determinant(xp, x) * inverse(xp, x))

    def change(xp: Namespace, x: Array, h: Array) -> Array:
        turned = inverse(xp, x)
        return determinant(xp, x) * (trace(xp, turned @ h) * turned - turned @ h @ turned)

    along = author.expression(shape, depth)
    return author.new(f"adj_change({inner.text}, {along.text})", ATOM, shape, change, inner, along)


@production("matrix")
def a_kronecker_product(author: Author, shape: Shape, depth: int) -> Expression:
    if shape not in PAIRS:
        raise Unsuitable
    first, second = PAIRS[shape]
    return kronecker(author, author.expression(first, depth), author.expression(second, depth), shape)


def kronecker(author: Author, a: Expression, b: Expression, shape: Shape) -> Expression:
    text, level = author.random.choice(((f"kron({a.text}, {b.text})", ATOM), (f"{a.at(ATOM)} ⊗ {b.at(ATOM)}", PRODUCT)))
    (m, n), (p, q) = extent(a.shape), extent(b.shape)
    return author.new(text, level, shape, lambda xp, x, y: xp.reshape(
        xp.reshape(x, (m, 1, n, 1)) * xp.reshape(y, (1, p, 1, q)), (m * p, n * q)), a, b)  # fmt: skip


@production("matrix")
def a_contracted_kronecker_product(author: Author, shape: Shape, depth: int) -> Expression:
    """The inner products of B with the blocks of Y, or the sum of the blocks, each times its entry of A."""
    m, n = shape
    if (m, n) != (2, 2):
        raise Unsuitable
    whole, other = author.expression((4, 4), depth), author.expression((2, 2), depth)
    left = author.random.random() < 0.5

    def contracted(xp: Namespace, y: Array, b: Array) -> Array:
        rows = [y[:2, :], y[2:, :]]
        blocks = [[row[:, :2], row[:, 2:]] for row in rows]
        if left:
            inner = [[xp.sum(x * b, axis=None, keepdims=True) for x in line] for line in blocks]
            return xp.concatenate([xp.concatenate(line, 1) for line in inner], 0)
        return sum(x * b[i : i + 1, j : j + 1] for i, line in enumerate(blocks) for j, x in enumerate(line))

    name = "kron_left" if left else "kron_right"
    return author.new(f"{name}({whole.text}, {other.text})", ATOM, shape, contracted, whole, other)


@production("matrix")
def a_matrix_power(author: Author, shape: Shape, depth: int) -> Expression:
    square(shape)
    inner, power = author.expression(shape, depth), author.random.choice((2, 3))
    return author.new(f"{inner.at(ATOM)}^{power}", POWER, shape,
                      lambda xp, x: x @ x if power == 2 else x @ x @ x, inner)  # fmt: skip


@production("matrix")
def a_sum_with_the_identity(author: Author, shape: Shape, depth: int) -> Expression:
    eye = np.eye(square(shape))
    inner = author.expression(shape, depth)
    if author.random.random() < 0.5:
        return author.new(f"I - {inner.at(PRODUCT)}", SUM, shape, lambda xp, x: xp.constant(eye) - x, inner)
    return author.new(f"{inner.at(PRODUCT)} + 2 I", SUM, shape, lambda xp, x: x + 2 * xp.constant(eye), inner)
