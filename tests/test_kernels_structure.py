"""What moves entries about, and Kronecker products, called on arrays with axes in front."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcalc.graph import OPERATIONS, ShapeError
from tests.exact.directly import called, mixed

LEADS: list[tuple[int, ...]] = [(), (2,), (3, 2)]


def numbered(*shape: int) -> Any:
    return np.arange(1.0, np.prod(shape, dtype=int) + 1).reshape(shape)


def test_leaves_and_generators() -> None:
    assert called("constant", value=2.5).tolist() == [[2.5]]
    assert called("ones", to=(2, 3)).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert called("zeros", to=(2,)).tolist() == [[0], [0]]
    assert called("ones", to=()).tolist() == [[1]]
    assert called("eye", size=3).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert called("onehot", place=1, size=3).tolist() == [[0], [1], [0]]
    assert called("onehot", place=0, size=1).tolist() == [[1]]
    with pytest.raises(ShapeError, match="no number"):
        called("ones", to=("n", 2))


@pytest.mark.parametrize("lead", LEADS)
def test_stretch_transpose_vec_and_unvec(lead: tuple[int, ...]) -> None:
    x = numbered(*lead, 2, 3)
    for k in np.ndindex(lead):
        m = x[k].tolist()
        columns = [m[i][j] for j in range(3) for i in range(2)]
        assert called("transpose", x)[k].tolist() == [[m[0][j], m[1][j]] for j in range(3)]
        assert called("vec", x)[k].tolist() == [[v] for v in columns]
        assert called("unvec", called("vec", x), to=(2, 3))[k].tolist() == m
        assert called("unvec", called("vec", x), to=(3, 2))[k].tolist() == np.reshape(columns, (2, 3)).T.tolist()
        assert called("stretch", x[..., :1, :], to=(4, 3))[k].tolist() == [m[0]] * 4
        assert called("stretch", x[..., :1], to=(2, 2))[k].tolist() == [[m[0][0]] * 2, [m[1][0]] * 2]
    assert called("vec", x).shape == (*lead, 6, 1)
    assert called("stretch", x[..., :1, :1], to=(4,)).shape == (*lead, 4, 1)
    assert called("unvec", called("vec", x), to=(6,)).shape == (*lead, 6, 1)


INDEXED: list[tuple[tuple[int, int], tuple[Any, ...], list[list[float]]]] = [
    ((3, 4), (1, 2), [[7]]),
    ((3, 4), (0, (None, None)), [[1, 2, 3, 4]]),
    ((3, 4), ((1, 3), (0, 2)), [[5, 6], [9, 10]]),
    ((3, 4), ((None, None), 3), [[4], [8], [12]]),
    ((3, 4), ((None, 2), (2, None)), [[3, 4], [7, 8]]),
    ((3, 4), ((1, 1), (0, 2)), []),
    ((4, 1), (2,), [[3]]),
    ((4, 1), ((1, 3),), [[2], [3]]),
    ((4, 1), ((None, None),), [[1], [2], [3], [4]]),
    ((1, 4), ((1, 3),), [[2, 3]]),
    ((1, 4), (3,), [[4]]),
]


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize(("shape", "items", "expected"), INDEXED)
def test_entries_and_blocks_are_picked_out_and_put_back(
    lead: tuple[int, ...], shape: tuple[int, int], items: tuple[Any, ...], expected: list[list[float]]
) -> None:
    one = numbered(*shape)
    x = np.broadcast_to(one, (*lead, *shape)) * np.arange(1.0, 1 + np.prod(lead, dtype=int)).reshape(*lead, 1, 1)
    found = called("index", x, items=items)
    for number, k in enumerate(np.ndindex(lead), 1):
        assert found[k].tolist() == (number * np.array(expected)).tolist()
    to = (shape[0],) if shape[1] == 1 else shape
    back = called("place", found, items=items, to=to)
    assert back.shape == x.shape
    chosen = {v for row in expected for v in row}
    for number, k in enumerate(np.ndindex(lead), 1):
        assert back[k].tolist() == [[number * v if v in chosen else 0 for v in row] for row in one.tolist()]


@pytest.mark.parametrize("lead", LEADS)
def test_blocks_and_entries_are_put_together(lead: tuple[int, ...]) -> None:
    a, b = numbered(*lead, 2, 3), -numbered(2, 3)
    below, beside = called("concat", a, b, axis=0), called("concat", a, b, b, axis=1)
    assert called("concat", a, b, axis=None).tolist() == below.tolist()
    table = called("table", a[..., :1, :1], b[:1, :1], a[..., 1:, 2:], b[1:, 2:], b[:1, 2:], b[:1, 1:2], extent=(2, 3))
    column = called("table", a[..., :1, :1], b[:1, :1], extent=(2, 1))
    assert table.shape == (*lead, 2, 3)
    assert column.shape == (*lead, 2, 1)
    for k in np.ndindex(lead):
        rows, other = a[k].tolist(), b.tolist()
        assert below[k].tolist() == rows + other
        assert beside[k].tolist() == [r + o + o for r, o in zip(rows, other, strict=True)]
        assert table[k].tolist() == [[rows[0][0], -1, rows[1][2]], [-6, -3, -2]]
        assert column[k].tolist() == [[rows[0][0]], [-1]]
    assert called("table", extent=(0, 0)).shape == (0, 0)
    assert called("table", extent=(2, 0)).shape == (2, 0)


@pytest.mark.parametrize("lead", LEADS)
def test_diagonals(lead: tuple[int, ...]) -> None:
    x = numbered(*lead, 3, 1)
    matrix = called("diag", x, extract=False)
    assert matrix.shape == (*lead, 3, 3)
    for k in np.ndindex(lead):
        a, b, c = x[k][:, 0].tolist()
        assert matrix[k].tolist() == [[a, 0, 0], [0, b, 0], [0, 0, c]]
    full = numbered(*lead, 3, 3)
    found = called("diag", full, extract=True)
    assert found.shape == (*lead, 3, 1)
    for k in np.ndindex(lead):
        assert found[k][:, 0].tolist() == [full[k][i, i] for i in range(3)]
    found[...] = 0  # its own memory
    assert full.all()


@pytest.mark.parametrize("left", LEADS)
@pytest.mark.parametrize("right", [(), (2,)])
def test_kronecker_products_and_their_contractions(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """(A ⊗ B)[i p + k, j q + l] = A[i, j] B[k, l]; the contractions are its adjoints in A and in B."""
    a, b = mixed(1, *left, 2, 3, spread=1.0), mixed(2, *right, 4, 2, spread=1.0)
    whole = called("kron", a, b)
    lead = np.broadcast_shapes(left, right)
    assert whole.shape == (*lead, 8, 6)
    y = mixed(3, *lead, 8, 6, spread=1.0)
    by_left, by_right = called("kron_contract", y, b, first=True), called("kron_contract", y, a, first=False)
    assert by_left.shape == (*lead, 2, 3)
    assert by_right.shape == (*lead, 4, 2)
    a, b = np.broadcast_to(a, (*lead, 2, 3)), np.broadcast_to(b, (*lead, 4, 2))
    for n in np.ndindex(lead):
        wanted = np.array([[a[n][r // 4, c // 2] * b[n][r % 4, c % 2] for c in range(6)] for r in range(8)])
        assert (whole[n] == wanted).all()
        for i in range(2):
            for j in range(3):
                block = y[n][4 * i : 4 * i + 4, 2 * j : 2 * j + 2]
                assert np.isclose(by_left[n][i, j], sum((block * b[n]).ravel().tolist()), rtol=1e-13)
        for k in range(4):
            for m in range(2):
                spread = y[n][k::4, m::2]
                assert np.isclose(by_right[n][k, m], sum((spread * a[n]).ravel().tolist()), rtol=1e-13)


def test_the_same_entries_under_another_shape_or_name() -> None:
    x = numbered(2, 3)
    assert called("as", x, to=(2, 3)).tolist() == called("copy", x).tolist() == x.tolist()
    assert OPERATIONS["vec"].analytic
