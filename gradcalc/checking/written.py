"""Expressions as they were written: their places, the same with a part replaced, and as text again.

What was left as it was prints as it stands in the source; what is new is put together with the brackets that it
needs. Nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from gradcalc import syntax
from gradcalc.errors import Span
from gradcalc.notation import TEXT, Level, Piece
from gradcalc.planning.definitions import children
from gradcalc.syntax import Expression

Path = tuple[int, ...]
JUXTAPOSED = ("", "*")


def unwritten(like: Expression) -> Span:
    """The place of an expression that stands nowhere: empty, where another one begins."""
    return Span(like.span.source, like.span.start, like.span.start)


def with_children(e: Expression, new: Sequence[Expression]) -> Expression:
    """The same construct around other expressions; itself if they are the same."""
    if all(a is b for a, b in zip(children(e), new, strict=True)):
        return e
    span = unwritten(e)
    match e:
        case syntax.Sum():
            return replace(e, span=span, terms=tuple(new))
        case syntax.Product():
            return replace(e, span=span, factors=tuple(new))
        case syntax.Power():
            return replace(e, span=span, base=new[0], exponent=new[1])
        case syntax.Compare():
            return replace(e, span=span, left=new[0], right=new[1])
        case syntax.Derivative():
            return replace(e, span=span, of=new[0], by=new[1])
        case syntax.Index():
            return replace(e, span=span, operand=new[0], items=tuple(new[1:]))
        case syntax.Matrix():
            rest = iter(new)
            return replace(e, span=span, rows=tuple(tuple(next(rest) for _ in row) for row in e.rows))
        case syntax.Application():
            return _application(e, span, list(new))
        case syntax.Negative() | syntax.Transpose() | syntax.InverseTranspose() | syntax.Group() | syntax.Norm():
            return replace(e, span=span, operand=new[0])
    return e


def _application(e: syntax.Application, span: Span, new: list[Expression]) -> Expression:
    callee = e.callee if isinstance(e.callee, syntax.Name) else new.pop(0)
    arguments = tuple(replace(a, value=value) for a, value in zip(e.arguments, new, strict=True))
    return replace(e, span=span, callee=callee, arguments=arguments)


def rewritten(root: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """An expression with a change applied to each part, the inner ones first."""
    done: dict[Expression, Expression] = {}
    stack = [(root, False)]
    while stack:
        e, ready = stack.pop()
        if ready:
            done[e] = change(with_children(e, [done[c] for c in children(e)]))
        elif e not in done:
            stack.append((e, True))
            stack.extend((c, False) for c in children(e))
    return done[root]


def places(root: Expression, deepest: int, most: int) -> list[tuple[Path, Expression]]:
    """The parts of an expression with the way to them, outer ones first, from left to right."""
    found: list[tuple[Path, Expression]] = []
    level: list[tuple[Path, Expression]] = [((), root)]
    for _ in range(deepest):
        found.extend(level)
        level = [((*path, k), c) for path, e in level for k, c in enumerate(children(e))]
        if len(found) + len(level) > most:
            break
    return found


def changed(root: Expression, path: Path, new: Expression) -> Expression:
    """The expression with the part at a place replaced."""
    around = [root]
    for k in path[:-1]:
        around.append(children(around[-1])[k])
    for e, k in zip(reversed(around), reversed(path), strict=False):
        inner = list(children(e))
        inner[k] = new
        new = with_children(e, inner)
    return new


def bare(e: Expression) -> Expression:
    """What stands in the outermost brackets."""
    while isinstance(e, syntax.Group):
        e = e.operand
    return e


# ------------------------------------------------------------------------- making new ones


def transposed(e: Expression) -> Expression:
    """`x^T` for x, and x for `x^T`."""
    if isinstance(e, syntax.Transpose):
        return bare(e.operand)
    return syntax.Transpose(unwritten(e), e)


def negated(e: Expression) -> Expression:
    """`-e`, and e for `-e`."""
    if isinstance(e, syntax.Product) and isinstance(e.factors[0], syntax.Negative):
        return replace(e, span=unwritten(e), factors=(e.factors[0].operand, *e.factors[1:]))
    return e.operand if isinstance(e, syntax.Negative) else syntax.Negative(unwritten(e), e)


def product(factors: Sequence[Expression], operators: Sequence[str]) -> Expression:
    """A product; a single factor is itself."""
    if len(factors) == 1:
        return factors[0]
    return syntax.Product(unwritten(factors[0]), tuple(factors), tuple(operators))


def total(signs: Sequence[int], terms: Sequence[Expression]) -> Expression:
    """A sum; a single term is itself."""
    if len(terms) == 1:
        return terms[0] if signs[0] > 0 else negated(terms[0])
    return syntax.Sum(unwritten(terms[0]), tuple(signs), tuple(terms))


# ------------------------------------------------------------------------------ printing


def printed(root: Expression) -> str:
    """An expression as text that reads back."""
    done: dict[Expression, Piece] = {}
    stack = [(root, False)]
    while stack:
        e, ready = stack.pop()
        inner = children(e)
        if e.span.text and not isinstance(e, syntax.Name):
            done[e] = Piece(" ".join(e.span.text.split()), _level(e))
        elif ready or not inner:
            done[e] = _piece(e, [done[c] for c in inner])
        else:
            stack.append((e, True))
            stack.extend((c, False) for c in inner)
    return done[root].text


def _level(e: Expression) -> Level:
    match e:
        case syntax.Sum():
            return Level.SUM
        case syntax.Negative():
            return Level.SIGNED
        case syntax.Compare():
            return Level.COMPARE
        case syntax.Product(operators=operators):
            return Level.PRODUCT if set(operators) <= set(JUXTAPOSED) else Level.HADAMARD
        case syntax.Power() | syntax.Derivative() | syntax.Transpose() | syntax.InverseTranspose():
            return Level.POWER
        case syntax.Name(id=name) if "∂" in name or "(" in name:
            return Level.PRODUCT if " " in name else Level.POWER
    return Level.ATOM


def _piece(e: Expression, inner: Sequence[Piece]) -> Piece:
    """A new construct around pieces."""
    return Piece(_text(e, inner), _level(e))


def _text(e: Expression, inner: Sequence[Piece]) -> str:
    match e:
        case syntax.Name(id=name):
            return name
        case syntax.Number(text=text):
            return text
        case syntax.Group(operand=operand):
            return f"{'1' if isinstance(operand, syntax.Compare) else ''}({inner[0].text})"
        case syntax.Negative():
            return "-" + TEXT.enclose(inner[0], Level.HADAMARD)
        case syntax.Transpose():
            return TEXT.enclose(inner[0], Level.ATOM) + "^T"
        case syntax.InverseTranspose():
            return TEXT.enclose(inner[0], Level.ATOM) + "^-T"
        case syntax.Power(elementwise=elementwise):
            return TEXT.power(TEXT.enclose(inner[0], Level.ATOM), inner[1], elementwise)
        case syntax.Compare(operator=operator):
            return f"{inner[0].text} {operator} {inner[1].text}"
        case syntax.Sum(signs=signs):
            return "".join(_terms(signs, inner))
        case syntax.Product(operators=operators):
            return "".join(_factors(operators, inner))
        case syntax.Application():
            return _call(e, list(inner))
        case syntax.Index():
            return f"{TEXT.enclose(inner[0], Level.ATOM)}[{', '.join(p.text for p in inner[1:])}]"
    return _other(e, [p.text for p in inner])


def _other(e: Expression, inner: list[str]) -> str:
    match e:
        case syntax.Derivative():
            return f"∂{inner[0]}/∂{inner[1]}"
        case syntax.Norm(kind=kind):
            return {"abs": f"|{inner[0]}|", "2": f"‖{inner[0]}‖"}.get(kind, f"‖{inner[0]}‖_{kind}")
        case syntax.Matrix(rows=rows):
            rest = iter(inner)
            return f"[{'; '.join(', '.join(next(rest) for _ in row) for row in rows)}]"
        case syntax.Range(start=start, stop=stop):
            return f"{inner[0] if start else ''}:{inner[-1] if stop else ''}"
    return " ".join(e.span.text.split())


def _terms(signs: Sequence[int], inner: Sequence[Piece]) -> Iterator[str]:
    for number, (sign, piece) in enumerate(zip(signs, inner, strict=True)):
        plain = number == 0 and sign > 0
        yield ("" if plain else ("-" if sign < 0 else "") if number == 0 else " + " if sign > 0 else " - ")
        yield TEXT.enclose(piece, Level.SIGNED if plain else Level.HADAMARD)


def _factors(operators: Sequence[str], inner: Sequence[Piece]) -> Iterator[str]:
    yield inner[0].text if inner[0].level == Level.SIGNED else TEXT.enclose(inner[0], Level.PRODUCT)
    for operator, piece in zip(operators, inner[1:], strict=True):
        text = TEXT.enclose(piece, Level.POWER)
        apart = text[:1].isdigit() or text[:1] == "["
        yield (" * " if apart else " ") if operator in JUXTAPOSED else f" {operator} "
        yield text


def _call(e: syntax.Application, inner: list[Piece]) -> str:
    callee: Any = e.callee
    name = callee.id if isinstance(callee, syntax.Name) else inner.pop(0).text
    given = (f"{a.keyword}={p.text}" if a.keyword else p.text for a, p in zip(e.arguments, inner, strict=True))
    return f"{name}{chr(39) * e.primes}({', '.join(given)})"
