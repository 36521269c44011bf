"""Productions that move entries: parts, tables, blocks, transposes, diagonals, stretching."""

from __future__ import annotations

import numpy as np

from tests.programs.author import Author, Unsuitable, production
from tests.programs.made import ATOM, POWER, PRODUCT, SUM, Expression, Shape, extent


@production("scalar")
def an_entry(author: Author, shape: Shape, depth: int) -> Expression:
    if author.random.random() < 0.5:
        n = author.random.choice(author.sizes)
        inner, i = author.expression((n,), depth), author.random.randrange(n)
        return author.new(f"{inner.at(ATOM)}[{i}]", ATOM, (), lambda xp, x: x[i : i + 1, :], inner)
    m, n = author.sizes
    inner = author.expression((m, n), depth)
    i, j = author.random.randrange(m), author.random.randrange(n)
    return author.new(f"{inner.at(ATOM)}[{i}, {j}]", ATOM, (), lambda xp, x: x[i : i + 1, j : j + 1], inner)


@production("column")
def a_part_of_a_column(author: Author, shape: Shape, depth: int) -> Expression:
    """A part, or a column of a matrix."""
    n, more = shape[0], author.random.choice((1, 2))
    if author.random.random() < 0.5:
        inner, i = author.expression((n + more,), depth), author.random.randint(0, more)
        text = f"{inner.at(ATOM)}[{i}:{i + n}]" if i else f"{inner.at(ATOM)}[:{n}]"
        return author.new(text, ATOM, shape, lambda xp, x: x[i : i + n, :], inner)
    columns = author.random.choice((2, 3))
    inner, i = author.expression((n, columns), depth), author.random.randrange(columns)
    return author.new(f"{inner.at(ATOM)}[:, {i}]", ATOM, shape, lambda xp, x: x[:, i : i + 1], inner)


@production("row")
def a_row_of_a_matrix(author: Author, shape: Shape, depth: int) -> Expression:
    rows = author.random.choice((2, 3))
    inner, i = author.expression((rows, shape[1]), depth), author.random.randrange(rows)
    return author.new(f"{inner.at(ATOM)}[{i}, :]", ATOM, shape, lambda xp, x: x[i : i + 1, :], inner)


@production("matrix")
def a_block(author: Author, shape: Shape, depth: int) -> Expression:
    m, n = shape
    inner = author.expression((m + 1, n + 1), depth)
    i, j = author.random.randint(0, 1), author.random.randint(0, 1)
    return author.new(f"{inner.at(ATOM)}[{i}:{i + m}, {j}:{j + n}]", ATOM, shape,
                      lambda xp, x: x[i : i + m, j : j + n], inner)  # fmt: skip


@production("column")
def a_column_of_a_diagonal(author: Author, shape: Shape, depth: int) -> Expression:
    n = shape[0]
    if author.random.random() < 0.5:
        d, x = author.expression(shape, depth), author.expression(shape, depth)
        return author.new(x.after(f"diag({d.text})"), PRODUCT, shape, lambda xp, a, b: a * b, d, x)
    inner = author.expression((n, n), depth)
    return author.call("diag", inner, shape,
                       lambda xp, x: xp.sum(x * xp.constant(np.eye(n)), axis=1, keepdims=True))  # fmt: skip


@production("matrix")
def a_diagonal_matrix(author: Author, shape: Shape, depth: int) -> Expression:
    if shape[0] != shape[1]:
        raise Unsuitable
    eye = np.eye(shape[0])
    return author.call("diag", author.expression((shape[0],), depth), shape, lambda xp, x: x * xp.constant(eye))


@production("column", "matrix")
def a_concatenation(author: Author, shape: Shape, depth: int) -> Expression:
    if len(shape) == 2 and author.random.random() < 0.5:
        left = author.expression((shape[0],), depth)
        right = author.expression((shape[0], shape[1] - 1) if shape[1] > 2 else (shape[0],), depth)
        return author.new(f"concat({left.text}, {right.text}, axis=1)", ATOM, shape,
                          lambda xp, x, y: xp.concatenate([x, y], 1), left, right)  # fmt: skip
    if len(shape) == 2:
        first, rest = (1, shape[1]), (shape[0] - 1, shape[1])
    else:
        first, rest = (), (shape[0] - 1,) if shape[0] > 2 else ()
    above, below = author.expression(first, depth), author.expression(rest, depth)
    name = author.random.choice(("concat", "stack"))
    return author.new(f"{name}({above.text}, {below.text})", ATOM, shape,
                      lambda xp, x, y: xp.concatenate([x, y], 0), above, below)  # fmt: skip


@production("column", "matrix")
def a_table(author: Author, shape: Shape, depth: int) -> Expression:
    """A literal with expressions as entries."""
    rows, columns = extent(shape)
    entries = [author.expression((), depth - 1) for _ in range(rows * columns)]
    texts = [e.text for e in entries]
    lines = [", ".join(texts[k : k + columns]) for k in range(0, len(texts), columns)]
    if columns == 1:
        text = f"[{', '.join(texts)}]"
    else:
        text = author.random.choice((f"[{'; '.join(lines)}]", f"[{', '.join(f'[{line}]' for line in lines)}]"))
    return author.new(text, ATOM, shape, lambda xp, *x: xp.concatenate(
        [xp.concatenate(x[k : k + columns], 1) for k in range(0, len(x), columns)], 0), *entries)  # fmt: skip


@production("column")
def a_stacked_matrix(author: Author, shape: Shape, depth: int) -> Expression:
    if shape[0] != 4:
        raise Unsuitable
    return author.call("vec", author.expression((2, 2), depth), shape, lambda xp, x: xp.reshape(x.T, (4, 1)))


@production("matrix")
def an_unstacked_column(author: Author, shape: Shape, depth: int) -> Expression:
    m, n = shape
    inner = author.expression((m * n,), depth)
    return author.new(f"unvec({inner.text}, {m}, {n})", ATOM, shape,
                      lambda xp, x: xp.reshape(x, (n, m)).T, inner)  # fmt: skip


@production("column", "row", "row", "matrix")
def a_transpose(author: Author, shape: Shape, depth: int) -> Expression:
    other = (1, shape[0]) if len(shape) == 1 else (shape[1],) if shape[0] == 1 else (shape[1], shape[0])
    inner = author.expression(other, depth)
    sign = "^T" if inner.text.endswith("T") else author.random.choice(("^T", "ᵀ"))
    text = author.random.choice((f"{inner.at(ATOM)}{sign}", f"transpose({inner.text})"))
    return author.new(text, ATOM, shape, lambda xp, x: x.T, inner)


@production("matrix", weight=2)
def a_stretched_line(author: Author, shape: Shape, depth: int) -> Expression:
    """A row or a column with a matrix."""
    matrix = author.expression(shape, depth)
    line = author.expression((shape[0],) if author.random.random() < 0.5 else (1, shape[1]), depth)
    if author.random.random() < 0.5:
        return author.new(f"{matrix.at(PRODUCT)} + {line.at(PRODUCT)}", SUM, shape,
                          lambda xp, x, y: x + y, matrix, line)  # fmt: skip
    return author.new(f"{line.at(POWER)} ∘ {matrix.at(POWER)}", PRODUCT, shape,
                      lambda xp, x, y: x * y, line, matrix)  # fmt: skip
