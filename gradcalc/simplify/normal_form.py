"""Symbolic equality: both sides as sums of monomials, everything multiplied out, compared term by term.

`same` says True only where the two are equal by algebra for all values at which both are defined; False says
that it was not shown. Numbers are exact: as they are written. Nothing recurses
over the graph, and an expression that multiplies out to too many terms is given up.
"""

from __future__ import annotations

from fractions import Fraction

from gradcalc.graph import Node, Size, extent
from gradcalc.simplify.engine import extract
from gradcalc.simplify.expansion import Expansion, Form, Handler, beside_scalar
from gradcalc.simplify.factors import number, operands
from gradcalc.simplify.words import Body, Extent, Product, TooLong, Word


def same(left: Node, right: Node) -> bool:
    """Whether two expressions are equal for all values, by algebra; False where that is not shown."""
    if left.shape != right.shape:
        return False
    expansion = Expansion(_HANDLERS)
    try:
        left, right = (extract(node, {}, node.graph, spelt=True) for node in (left, right))
        return expansion.form(left) == expansion.form(right)
    except (TooLong, OverflowError, ZeroDivisionError):
        return False


# ------------------------------------------------------------------------------ operations


def _constant(e: Expansion, node: Node) -> Form:
    """A number as it is written; a symbol such as pi is none."""
    return e.atom(("symbol", node.attributes["text"]), (1, 1)) if node.exact is None else e.constant(node.exact)


def _eye(e: Expansion, node: Node) -> Form:
    return e.constant(Fraction(1)) if node.shape[0] == 1 else {((), ((),)): Fraction(1)}


def _add(e: Expansion, node: Node) -> Form:
    return e.total(zip((Fraction(s) for s in node.attributes["signs"]), e.of(node), strict=True))


def _multiply(e: Expansion, node: Node) -> Form:
    return e.times(*e.of(node))


def _divide(e: Expansion, node: Node) -> Form:
    above, below = e.of(node)
    return e.times(above, e.reciprocal(below, extent(node.inputs[1].shape)))


def _power(e: Expansion, node: Node) -> Form | None:
    """Whole powers as repeated products; negative ones of the reciprocal."""
    exponent = Fraction(2) if node.op == "square" else number(node.inputs[1])
    if exponent is None or exponent.denominator != 1 or not 0 < abs(exponent) <= 12:
        return None
    size = extent(node.shape)
    base = e.of(node)[0]
    if exponent < 0:
        base = e.reciprocal(base, size)
    made = base
    for _ in range(int(abs(exponent)) - 1):
        made = e.times(made, base)
    return made


def _matmul(e: Expansion, node: Node) -> Form:
    flags = node.attributes["left"], node.attributes["right"]
    a, b = (e.turned(f) if flag else f for f, flag in zip(e.of(node), flags, strict=True))
    left, right = (extent(n.shape) for n in operands(node))
    return e.matrix_product(a, b, (left, right))


def _transpose(e: Expansion, node: Node) -> Form:
    return e.turned(e.of(node)[0])


def _stretch(e: Expansion, node: Node) -> Form:
    """A stretch is a product with ones."""
    [form] = e.of(node)
    source, (rows, columns) = extent(node.inputs[0].shape), extent(node.shape)
    if source == (1, 1):
        return e.times(form, e.constant(Fraction(1), (rows, columns)))
    if source[0] == 1:
        return e.matrix_product(e.constant(Fraction(1), (rows, 1)), form, ((rows, 1), source))
    return e.matrix_product(form, e.constant(Fraction(1), (1, columns)), (source, (1, columns)))


def _sum(e: Expansion, node: Node) -> Form:
    [form] = e.of(node)
    size = extent(node.inputs[0].shape)
    if size == (1, 1):
        return form
    if node.attributes["axis"] is None:
        return e.through(form, lambda body: e.atoms.sum_of(body or (), size))
    if node.attributes["axis"] == 0:
        return e.matrix_product(e.constant(Fraction(1), (1, size[0])), form, ((1, size[0]), size))
    return e.matrix_product(form, e.constant(Fraction(1), (size[1], 1)), (size, (size[1], 1)))


def _length(node: Node) -> int | None:
    rows, columns = extent(node.inputs[0].shape)
    kept: tuple[Size, ...] = {None: (rows, columns), 0: (rows,), 1: (columns,)}[node.attributes["axis"]]
    length = 1
    for size in kept:
        if not isinstance(size, int) or not size:
            return None
        length *= size
    return length


def _mean(e: Expansion, node: Node) -> Form | None:
    length = _length(node)
    return None if length is None else e.total([(Fraction(1, length), _sum(e, node))])


def _trace(e: Expansion, node: Node) -> Form:
    [form] = e.of(node)
    size = extent(node.inputs[0].shape)
    return form if size == (1, 1) else e.through(form, lambda body: e.atoms.trace(e.word(body, size), size[0]))


def _diag(e: Expansion, node: Node) -> Form | None:
    [form] = e.of(node)
    source = extent(node.inputs[0].shape)
    if source == (1, 1):
        return form
    if node.attributes["extract"]:
        return e.through(form, lambda body: _column(e.atoms.diagonal_of(body or (), source[0])))
    return e.through(form, lambda body: _whole(e.atoms.diagonal(body or (), source[0])))


def _whole(word: Word) -> Product:
    made = Product()
    made.body = (word,)
    return made


def _column(body: Body) -> Product:
    made = Product()
    made.body = body
    return made


def _inv(e: Expansion, node: Node) -> Form | None:
    """(c A B)^-1 = (1/c) B^-1 A^-1 for square factors; of a sum an atom."""
    [form] = e.of(node)
    size = extent(node.shape)
    if size == (1, 1):
        return e.reciprocal(form, size)
    if not form:
        return None
    if len(form) == 1:
        [((scalars, body), value)] = form.items()
        if body is not None and len(body) == 1 and all(e.atoms.extents[n] == size for n, _ in body[0]):
            below = tuple(sorted(e.one_over(s) for s in scalars))
            word = tuple((_inverse(e, n), flipped) for n, flipped in reversed(body[0]))
            return {(below, (word,)): 1 / value}
    candidates = [e.monic(form), e.monic(e.turned(form))]
    (value, _), flipped = min(zip(candidates, (False, True), strict=True), key=lambda c: e.key(c[0][1]))
    keys = [e.key(monic) for _, monic in candidates]
    made = e.atoms.atom(("inv", min(keys)), size)
    if keys[0] == keys[1] and candidates[0][0] == candidates[1][0]:  # not where M^T = -M
        e.atoms.symmetric.add(made)
    return {((), (((made, flipped and keys[0] != keys[1]),),)): 1 / value}


def _inverse(e: Expansion, atom: int) -> int:
    """The inverse of a square matrix atom, which is an atom as well."""
    inverses = e.atoms.inverses
    if atom not in inverses:
        made = e.atoms.atom(("inverse", atom), e.atoms.extents[atom])
        inverses[atom], inverses[made] = made, atom
        if atom in e.atoms.symmetric:
            e.atoms.symmetric.add(made)
    return inverses[atom]


def _solve(e: Expansion, node: Node) -> Form | None:
    matrix = _inv_of(e, node.inputs[0])
    sizes = extent(node.inputs[0].shape), extent(node.inputs[1].shape)
    return None if matrix is None else e.matrix_product(matrix, e.of(node)[1], sizes)


def _inv_of(e: Expansion, node: Node) -> Form | None:
    inverse = node.graph.make("inv", node)
    return _inv(e, inverse)


def _of_square(e: Expansion, node: Node) -> Form | None:
    """det(A^T) = det(A), logdet(A^T) = logdet(A)."""
    [form] = e.of(node)
    size = extent(node.inputs[0].shape)
    if size == (1, 1):
        return form if node.op == "det" else None
    if form == {((), ((),)): Fraction(1)}:
        return e.constant(Fraction(1 if node.op == "det" else 0))
    return e.atom((node.op, min(e.key(form), e.key(e.turned(form))), size), (1, 1))


def _kron(e: Expansion, node: Node) -> Form:
    """(a A) ⊗ B = a (A ⊗ B), (A + B) ⊗ C = A ⊗ C + B ⊗ C, (A ⊗ B)^T = A^T ⊗ B^T."""
    sizes, size = tuple(extent(n.shape) for n in node.inputs), extent(node.shape)

    def join(body: Body | None, beside: Body | None) -> Product:
        if body is None or beside is None:
            return beside_scalar(body, beside)
        plain = (body, beside, sizes)
        back = (e.atoms.turned_body(body), e.atoms.turned_body(beside), tuple(s[::-1] for s in sizes))
        flipped = back[:2] < plain[:2]
        atom = e.atoms.atom(("kron", back if flipped else plain), size[::-1] if flipped else size)
        if back == plain:
            e.atoms.symmetric.add(atom)
        return _whole(((atom, flipped),))

    left, right = e.of(node)
    return e.spread(left, right, join)


def _norm_squared(e: Expansion, node: Node) -> Form:
    """‖x‖^2 = x^T x, the sum of squares."""
    [form] = e.of(node)
    size = extent(node.inputs[0].shape)
    squares = e.times(form, form)
    return squares if size == (1, 1) else e.through(squares, lambda body: e.atoms.sum_of(body or (), size))


def _norm(e: Expansion, node: Node) -> Form | None:
    """The root of the sum of squares, which it is when it is squared."""
    if node.attributes["axis"] is not None:
        return None
    squares = _norm_squared(e, node)
    made = e.atom(("norm", e.key(squares)), (1, 1))
    [((scalars, _), _)] = made.items()
    e.squares[scalars[0]] = squares
    return made


def _call(e: Expansion, node: Node) -> Form | None:
    """A function under another name is that function; an abstract one is known by its name."""
    name, order = node.attributes["function"], node.attributes["order"]
    size = extent(node.shape)
    if name and not order:
        return _named(e, node, name, size)
    return e.function("call", repr((name or node.attributes["shown"], bool(name), order)), e.of(node), size)


def _named(e: Expansion, node: Node, name: str, size: Extent) -> Form | None:
    if name == "square":
        return e.times(e.of(node)[0], e.of(node)[0])
    return e.function(name, "[]", e.of(node), size)


_SWAPPED = {">": "<", ">=": "<="}


def _compare(e: Expansion, node: Node) -> Form:
    """y > z is z < y."""
    operator, forms = node.attributes["operator"], e.of(node)
    if operator in _SWAPPED:
        operator, forms = _SWAPPED[operator], forms[::-1]
    size = extent(node.shape)
    return e.function("compare " + operator, "", forms, size, operator not in ("==", "!="))


def _mse(e: Expansion, node: Node) -> Form | None:
    length = _length(node)
    if length is None or node.attributes["axis"] is not None:
        return None
    left, right = e.of(node)
    size = extent(node.inputs[0].shape)
    difference = e.total([(Fraction(1), left), (Fraction(-1), right)])
    squares = e.times(difference, difference)
    if size != (1, 1):
        squares = e.through(squares, lambda body: e.atoms.sum_of(body or (), size))
    return e.total([(Fraction(1, length), squares)])


_HANDLERS: dict[str, Handler] = {
    "constant": _constant, "eye": _eye, "zeros": lambda e, node: {},
    "ones": lambda e, node: e.constant(Fraction(1), extent(node.shape)),
    "add": _add, "negative": lambda e, node: e.total([(Fraction(-1), e.of(node)[0])]),
    "multiply": _multiply, "scale": _multiply, "divide": _divide, "ratio": _divide,
    "power": _power, "square": _power,
    "matmul": _matmul, "transpose": _transpose, "stretch": _stretch,
    "as": lambda e, node: e.of(node)[0], "copy": lambda e, node: e.of(node)[0],
    "sum": _sum, "mean": _mean, "trace": _trace, "diag": _diag, "inv": _inv, "solve": _solve,
    "det": _of_square, "logdet": _of_square, "norm": _norm, "norm_squared": _norm_squared,
    "kron": _kron, "mse": _mse, "call": _call, "compare": _compare,
}  # fmt: skip
