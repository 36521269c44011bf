"""What the reductions are, over arrays of `mpf`: definitions, as a textbook has them, and no derivative.

The operations that are derivatives of others (`direction`, `prod_others`, ...) are defined as well, by what they are
said to be. `points(name)` draws the places at which an operation is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from mpmath import mp, mpf

from tests.exact.core import Exact

Group = Sequence[Any]


def _groups(attributes: Any, x: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The entries that belong together as rows, and what lays rows of one length back."""
    axis = attributes["axis"]
    if axis is None:
        return x.reshape(1, -1), lambda rows: rows.reshape(x.shape if rows.shape[1] == x.size else (1, 1))
    return (x, lambda rows: rows) if axis == 1 else (x.T, lambda rows: rows.T)


def reducing(function: Callable[..., Any]) -> Exact:
    """From the entries of each group, and those of further operands, to one number."""

    def exact(attributes: Any, *operands: Any) -> Any:
        groups, _ = zip(*(_groups(attributes, x) for x in operands), strict=True)
        found = np.array([function(*map(list, rows)) for rows in zip(*groups, strict=True)], dtype=object)
        return found.reshape((1, 1) if attributes["axis"] is None else (-1, 1) if attributes["axis"] else (1, -1))

    return exact


def keeping(function: Callable[..., Group]) -> Exact:
    """From the entries of each group, and those of further operands, to as many numbers."""

    def exact(attributes: Any, *operands: Any) -> Any:
        groups, back = zip(*(_groups(attributes, x) for x in operands), strict=True)
        found = np.empty(groups[0].shape, dtype=object)
        for k, rows in enumerate(zip(*groups, strict=True)):
            found[k] = function(*map(list, rows))
        return back[0](found)

    return exact


def mean(x: Group) -> Any:
    return mp.fsum(x) / len(x)


def centred(x: Group) -> Group:
    return [v - mean(x) for v in x]


def var(x: Group) -> Any:
    return mean([v * v for v in centred(x)])


def norm(x: Group) -> Any:
    return mp.sqrt(mp.fsum(v * v for v in x))


def direction(x: Group) -> Group:
    return [v / norm(x) if norm(x) else mpf(0) for v in x]


def deviation_slope(x: Group) -> Group:
    spread = len(x) * mp.sqrt(var(x))
    return [v / spread if spread else mpf(0) for v in centred(x)]


def median(x: Group) -> Any:
    ordered, n = sorted(x), len(x)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def median_share(x: Group) -> Group:
    ordered, n = sorted(x), len(x)
    middles = (ordered[(n - 1) // 2], ordered[n // 2])
    return [sum((mpf(v == m) / (2 * x.count(m)) for m in middles), mpf(0)) for v in x]


def prod(x: Group) -> Any:
    return mp.fprod(x)


def prod_others(x: Group, *changes: Group) -> Group:
    """For each entry the sum over different places of the others: changes there, and the product of the rest."""
    found = []
    for i in range(len(x)):
        terms = [(prod([]), [j for j in range(len(x)) if j != i])]
        for change in changes:
            terms = [(value * change[j], [k for k in rest if k != j]) for value, rest in terms for j in rest]
        found.append(mp.fsum(value * prod([x[k] for k in rest]) for value, rest in terms))
    return found


def logsumexp(x: Group) -> Any:
    return mp.log(mp.fsum(map(mp.exp, x)))


def softmax(x: Group) -> Group:
    whole = mp.fsum(map(mp.exp, x))
    return [mp.exp(v) / whole for v in x]


def log_softmax(x: Group) -> Group:
    whole = logsumexp(x)
    return [v - whole for v in x]


def cross_entropy(p: Group, y: Group) -> Any:
    return -mp.fsum(b * mp.log(a) for a, b in zip(p, y, strict=True) if b)


def mse(a: Group, b: Group) -> Any:
    return mean([(x - y) ** 2 for x, y in zip(a, b, strict=True)])


EXACT: dict[str, Exact] = {
    "sum": reducing(mp.fsum),
    "size": lambda attributes, x: np.array([[mpf({None: x.size, 0: len(x), 1: x.shape[1]}[attributes["axis"]])]]),
    "mean": reducing(mean),
    "prod": reducing(prod),
    "var": reducing(var),
    "std": reducing(lambda x: mp.sqrt(var(x))),
    "median": reducing(median),
    "max_entry": reducing(max),
    "min_entry": reducing(min),
    "norm": reducing(norm),
    "norm_squared": lambda attributes, x: reducing(lambda v: norm(v) ** 2)({"axis": None}, x),
    "norm1": reducing(lambda x: mp.fsum(map(abs, x))),
    "norminf": reducing(lambda x: max(map(abs, x))),
    "logsumexp": reducing(logsumexp),
    "cross_entropy": reducing(cross_entropy),
    "mse": reducing(mse),
    "softmax": keeping(softmax),
    "log_softmax": keeping(log_softmax),
    "centred": keeping(centred),
    "direction": keeping(direction),
    "deviation_slope": keeping(deviation_slope),
    "median_share": keeping(median_share),
    "prod_others": keeping(prod_others),
}  # fmt: skip

# ------------------------------------------------------------------------------- points

Point = tuple[dict[str, Any], list[Any]]
LARGE, SMALL = 1.7e308, 5e-324
OPERANDS = {"cross_entropy": 2, "mse": 2, "prod_others": 2}
"""How many operands an operation is tested with, if not one."""
EDGES: list[list[float]] = [
    [0.0], [-0.0], [1.0], [-2.5], [SMALL], [LARGE], [0.0, 0.0], [0.0, -0.0, 0.0], [1.0, 1.0], [3.0, 3.0, 3.0],
    [-2.0, 2.0], [2.0, 2.0, 1.0], [1.0, 2.0, 2.0, 3.0], [1.0, 1.0, 2.0, 3.0], [5.0, 1.0, 4.0, 2.0],
    [1e16, 1.0, -1e16], [1e308, 1e308, -1e308], [LARGE, -LARGE], [LARGE, LARGE], [3e200, 4e200], [3e-200, 4e-200],
    [1e200, 3e200], [SMALL, 0.0], [SMALL, -SMALL, 3 * SMALL], [1e-310, 2e-310], [1e9 + 1, 1e9 + 2],
    [0.1, 0.2, 0.3], [0.1, 0.2, -0.3], [1e15 + 0.25, 1e15 + 0.5, 1e15], [1.0, 1.0 + 2.0**-52], [1e-20, 1.0],
    [-0.69314718, -0.6931471805599453], [-1.0986122886681098] * 3, [1000.0, -1000.0], [-1000.0, -1001.0],
    [0.1, -30.3], [5.0, -35.0], [1e-20, -30.3], [1e-14, -32.0], [-40.0, 5.3, 0.2], [750.0, 0.0, -750.0],
    [2.0, 0.0, 3.0], [0.0, 0.0, 4.0], [1e300, 1e300, 1e-300, 1e-300], [1e-200, 1e-200, 1e200, 1e200, -1.5],
    [1e-300] * 6, [-1e-60, 1e60, 1e-60, 1e60], [4.0, -4.0, 1e-16, 3.0, -3.0],
]  # fmt: skip


def _drawn(numbers: np.random.Generator, size: int) -> Any:
    """Entries of one kind: about 1, of one magnitude, of many, nearly equal, cancelling, of few different ones."""
    kind = numbers.integers(7)
    unit = numbers.uniform(-1, 1, size)
    if kind == 0:
        return unit * 4
    if kind == 1:
        return unit * 10.0 ** numbers.uniform(-305, 305)
    if kind == 2:
        return unit * 10.0 ** numbers.uniform(-300, 300, size)
    if kind == 3:
        return numbers.uniform(0.5, 2) * (1 + unit * 10.0 ** numbers.uniform(-16, -2))
    if kind == 4:
        turned = np.resize(np.concatenate([unit, -unit[::-1]]), size)
        return turned * (1 + numbers.integers(-2, 3, size) * 2.0**-52)
    if kind == 5:
        return numbers.integers(-2, 3, size) * 10.0 ** numbers.integers(-3, 4)
    return unit * 10.0 ** numbers.uniform(-3, 3)


def _matrix(numbers: np.random.Generator, draw: Callable[[np.random.Generator, int], Any]) -> tuple[int | None, Any]:
    """An axis, and a column, row or matrix of up to 6 entries."""
    rows, columns = ((1, 1), (2, 1), (3, 1), (6, 1), (1, 4), (2, 2), (2, 3), (3, 2))[numbers.integers(8)]
    axis = None if columns == 1 or rows == 1 else (None, 0, 1)[numbers.integers(3)]
    return axis, draw(numbers, rows * columns).reshape(rows, columns)


def _exponents(numbers: np.random.Generator, size: int) -> Any:
    """What softmax is taken of: mostly of moderate size, with entries that are dominant or cancel in the logarithm."""
    kind = numbers.integers(5)
    if kind == 0:
        return numbers.uniform(-1000, 1000, size)
    if kind == 1:
        return -np.log(size) + numbers.uniform(-1, 1, size) * 10.0 ** numbers.uniform(-16, 0)
    if kind == 2:
        return numbers.uniform(-40, 2, size)
    return _drawn(numbers, size) if kind == 3 else numbers.uniform(-3, 3, size)


def _probabilities(numbers: np.random.Generator, size: int) -> Any:
    kind = numbers.integers(4)
    if kind == 0:
        return 1 - 10.0 ** numbers.uniform(-15, -1, size)
    if kind == 1:
        return 10.0 ** numbers.uniform(-320, 0, size)
    return numbers.uniform(0.01, 1, size) if kind == 2 else 10.0 ** numbers.uniform(-3, 3, size)


def _second_operand(name: str, numbers: np.random.Generator, x: Any) -> Any:
    if name == "mse":
        near = x * (1 + numbers.integers(-3, 4, x.shape) * 2.0**-50)
        return near if numbers.integers(2) else _drawn(numbers, x.size).reshape(x.shape)
    if name == "prod_others":
        return numbers.uniform(-2, 2, x.shape)
    return (numbers.dirichlet(np.ones(x.size)).reshape(x.shape), np.eye(1, x.size).reshape(x.shape),
            numbers.uniform(-1, 1, x.shape))[numbers.integers(3)]  # fmt: skip


def points(name: str, count: int) -> Iterator[Point]:
    """Places at which an operation is tested: the edges, and as many drawn as make up the count."""
    numbers = np.random.default_rng(sum(map(ord, name)))
    draw = {"logsumexp": _exponents, "softmax": _exponents, "log_softmax": _exponents,
            "cross_entropy": _probabilities}.get(name, _drawn)  # fmt: skip
    drawn = [_matrix(numbers, draw) for _ in range(count)]
    if name != "cross_entropy":
        drawn[: len(EDGES)] = [(None, np.array(edge)[:, None]) for edge in EDGES[:count]]
    for axis, x in drawn:
        operands = [x, *([_second_operand(name, numbers, x)] if OPERANDS.get(name) == 2 else [])]
        yield ({} if name == "norm_squared" else {"axis": axis}), operands
