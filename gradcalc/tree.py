"""The rules of the grammar as records of `syntax`: one method for each, with the children that the parser found.

A child is a token (a `str` with `type`, `start_pos` and `end_pos`) or a record made before. What can be told from
one construct alone is refused here: nesting, lengths, labels, left sides, shapes.
"""

from __future__ import annotations

import re
from typing import Any

from gradcalc import syntax
from gradcalc.errors import Diagnostic, GradcalcError, Label, Limits, Source, Span
from gradcalc.symbols import normalise

_OPERATORS = {
    "·": "*", "@": "*", "\\cdot": "*", "⊙": "∘", ".*": "∘", "\\circ": "∘", "\\odot": "∘", "\\otimes": "⊗",
}  # fmt: skip
_COMPARISONS = {"≤": "<=", "≥": ">=", "≠": "!=", "\\leq": "<=", "\\geq": ">=", "\\neq": "!="}


def span_of(source: Source, *parts: Any) -> Span:
    """The place from the first part to the last; a part is a token or has a span."""
    first, last = parts[0], parts[-1]
    start = first.start_pos if isinstance(first, str) else first.span.start  # type: ignore[attr-defined]
    end = last.end_pos if isinstance(last, str) else last.span.end  # type: ignore[attr-defined]
    return Span(source, start, end)


def too_deep(span: Span, limit: int) -> Diagnostic:
    """The fault of the construct that is one too many inside one another."""
    return Diagnostic(
        "limit-nesting",
        f"more than {limit} constructs are nested here",
        span,
        (Label(span),),
        f"brackets, calls, powers, signs, transposes and indices nest at most {limit} deep",
        "give the inner part a name of its own, or raise the limit with --limit nesting=N",
    )


class Tree:
    """One method for each rule of the grammar: it takes the children, tokens included, and returns a record."""

    def __init__(self) -> None:
        self.source = Source("", "")
        self.limits = Limits()

    # statements

    def start(self, parts: list[Any]) -> syntax.Program:
        found = [p for p in parts if not isinstance(p, str)]
        flat = (s for p in found for s in (p if isinstance(p, list) else [p]))
        return syntax.Program(self.source, tuple(flat))

    def equations(self, parts: list[Any]) -> list[syntax.Statement]:
        return [p for p in parts if not isinstance(p, str)]

    def equation(self, parts: list[Any]) -> syntax.Equation:
        left, value = parts[0], parts[2]
        span = self._at(parts)
        if isinstance(left, syntax.Name):
            return syntax.Equation(span, left, None, value)
        names = _parameters(left)
        if names is None:
            raise GradcalcError(Diagnostic(
                "bad-left-side", "the left side of `=` is not a name", left.span, (Label(left.span),),
                "an equation defines a name, as in `z = W x`, or a function of names, as in `f(t) = t^2`",
                "to compare two expressions, write a claim with `==`"))  # fmt: skip
        return syntax.Equation(span, left.callee, names, value)

    def claim(self, parts: list[Any]) -> syntax.Claim:
        return syntax.Claim(self._at(parts), parts[0], parts[2])

    def input_mark(self, parts: list[Any]) -> syntax.Input:
        return syntax.Input(self._at(parts), self.name(parts[:1]))

    def input_list(self, parts: list[Any]) -> list[syntax.Statement]:
        return [syntax.Input(span_of(self.source, p), self.name([p])) for p in parts if p.type == "NAME"]

    def shape(self, parts: list[Any]) -> list[syntax.Statement]:
        sizes = self._sizes(parts[-1])
        names = [p for p in parts if p.type == "NAME"]
        return [syntax.Shaped(self._at(parts), self.name([p]), sizes) for p in names]

    def layout(self, parts: list[Any]) -> syntax.Layout:
        if str(parts[1]) not in ("shape", "numerator"):
            raise self._fault(
                "bad-layout",
                f"`{parts[1]}` is not a layout",
                span_of(self.source, parts[1]),
                "write `@layout shape` or `@layout numerator`",
            )
        return syntax.Layout(self._at(parts), str(parts[1]))

    # chains and operators

    def compare(self, parts: list[Any]) -> syntax.Compare:
        operator = _COMPARISONS.get(str(parts[1]), str(parts[1]))
        depth = max(parts[0].depth, parts[2].depth)
        return syntax.Compare(self._at(parts), operator, parts[0], parts[2], depth=depth)

    def sum(self, parts: list[Any]) -> syntax.Sum:
        terms = tuple(parts[::2])
        signs = (1, *(1 if p == "+" else -1 for p in parts[1::2]))
        return syntax.Sum(self._at(parts), signs, terms, depth=max(t.depth for t in terms))

    def product(self, parts: list[Any]) -> syntax.Product:
        factors: list[syntax.Expression] = []
        operators: list[str] = []
        pending = ""
        for part in parts:
            if isinstance(part, str):
                pending = _OPERATORS.get(str(part), str(part))
            else:
                if factors:
                    operators.append(pending)
                factors.append(part)
                pending = ""
        depth = max(f.depth for f in factors)
        return syntax.Product(self._at(parts), tuple(factors), tuple(operators), depth=depth)

    def signed(self, parts: list[Any]) -> syntax.Expression:
        if parts[0] == "+":
            return parts[1]  # type: ignore[no-any-return]
        return syntax.Negative(self._at(parts), parts[1], depth=self._deeper(parts))

    def raise_to(self, parts: list[Any]) -> syntax.Power:
        return syntax.Power(self._at(parts), parts[0], parts[2], parts[1] == ".^", depth=self._deeper(parts))

    def exponent(self, parts: list[Any]) -> syntax.Group:
        return self.group(parts)

    def transpose(self, parts: list[Any]) -> syntax.Transpose:
        return syntax.Transpose(self._at(parts), parts[0], depth=self._deeper(parts))

    def inverse_transpose(self, parts: list[Any]) -> syntax.InverseTranspose:
        return syntax.InverseTranspose(self._at(parts), parts[0], depth=self._deeper(parts))

    def index(self, parts: list[Any]) -> syntax.Index:
        return syntax.Index(self._at(parts), parts[0], parts[2], depth=self._deeper([parts[0], *parts[2]]))

    def items(self, parts: list[Any]) -> tuple[syntax.Expression, ...]:
        return tuple(p for p in parts if not isinstance(p, str))

    def item(self, parts: list[Any]) -> syntax.Expression:
        return parts[0]  # type: ignore[no-any-return]

    def range(self, parts: list[Any]) -> syntax.Range:
        colon = next(i for i, p in enumerate(parts) if isinstance(p, str))
        start = parts[0] if colon else None
        stop = parts[colon + 1] if colon + 1 < len(parts) else None
        depth = max((p.depth for p in (start, stop) if p is not None), default=0)
        return syntax.Range(self._at(parts), start, stop, depth=depth)

    # atoms

    def number(self, parts: list[Any]) -> syntax.Number:
        text, span = str(parts[0]), self._at(parts)
        if len(text) > self.limits.literal:
            raise self._fault("limit-literal", f"this number has {len(text)} characters", span,
                              f"write at most {self.limits.literal}, or raise it with --limit literal=N")  # fmt: skip
        value = float(text)
        if value == float("inf"):
            raise self._fault("literal-range", "this number is too large for a 64-bit float", span,
                              "write at most 1.8e308")  # fmt: skip
        if value == 0.0 and re.match(r"[0.]*[1-9]", text):
            raise self._fault("literal-range", "this number is too small for a 64-bit float", span,
                              "write 0, or at least 5e-324")  # fmt: skip
        return syntax.Number(span, value, text)

    def name(self, parts: list[Any]) -> syntax.Name:
        span = self._at(parts)
        text = str(parts[0]).rstrip("'′’")
        if len(text) > self.limits.name:
            raise self._fault("limit-name", f"this name has {len(text)} characters", span,
                              f"write at most {self.limits.name}, or raise it with --limit name=N")  # fmt: skip
        return syntax.Name(span, normalise(text))

    def group(self, parts: list[Any]) -> syntax.Group:
        return syntax.Group(self._at(parts), parts[1], depth=self._deeper(parts))

    indicator = group

    def application(self, parts: list[Any]) -> syntax.Application:
        token = parts[0]
        primes = len(token) - len(token.rstrip("'′’"))
        arguments = parts[2] if len(parts) == 4 else ()
        depth = self._deeper([a.value for a in arguments] or parts)
        return syntax.Application(self._at(parts), self.name([token]), primes, arguments, depth=depth)

    def arguments(self, parts: list[Any]) -> tuple[syntax.Argument, ...]:
        return tuple(p for p in parts if not isinstance(p, str))

    def argument(self, parts: list[Any]) -> syntax.Argument:
        keyword = str(parts[0]).rstrip("= \t") if len(parts) == 2 else None
        return syntax.Argument(parts[-1], keyword)

    def absolute(self, parts: list[Any]) -> syntax.Norm:
        return syntax.Norm(self._at(parts), parts[1], "abs", depth=self._deeper(parts))

    def norm(self, parts: list[Any]) -> syntax.Norm:
        written = re.sub(r"[_{}\\]", "", str(parts[3])) if len(parts) == 4 else "2"
        kind = {"1": "1", "inf": "inf", "∞": "inf", "infty": "inf"}.get(written, "2")
        return syntax.Norm(self._at(parts), parts[1], kind, depth=self._deeper(parts))

    def derivative(self, parts: list[Any]) -> syntax.Derivative:
        return syntax.Derivative(self._at(parts), parts[1], parts[4], depth=self._deeper(parts))

    def derivative_times(self, parts: list[Any]) -> syntax.Application:
        by = self.name([parts[4]])
        inner = syntax.Derivative(span_of(self.source, parts[0], by), parts[1], by)
        argument = syntax.Argument(parts[6])
        return syntax.Application(self._at(parts), inner, 0, (argument,), depth=self._deeper(parts))

    def derivative_of(self, parts: list[Any]) -> syntax.Derivative:
        by = self.name([parts[3]])
        return syntax.Derivative(self._at(parts), parts[5], by, depth=self._deeper(parts))

    def matrix(self, parts: list[Any]) -> syntax.Matrix:
        rows = [p for p in parts if not isinstance(p, str)]
        values = tuple(tuple(value for _, value in row) for row in rows)
        depth = self._deeper([v for row in values for v in row] or parts)
        return syntax.Matrix(self._at(parts), values, self._labels(rows, self._at(parts)), depth=depth)

    def _labels(self, rows: list[list[tuple[Any, syntax.Expression]]], span: Span) -> tuple[str, ...]:
        """The labels of a labelled vector: beside every entry or none, each once."""
        tokens = [label for row in rows for label, _ in row if label is not None]
        if not tokens:
            return ()
        if len(rows) > 1 or len(tokens) < len(rows[0]):
            what = "some of these entries have no label" if len(rows) == 1 else "a matrix has no labels"
            raise self._fault("bad-labels", what, span, "label every entry of a vector, as in `[a: 1, b: 2]`")
        found: dict[str, Span] = {}
        for token in tokens:
            label = str(token)[:-1].rstrip().strip('"')
            place = Span(self.source, token.start_pos, token.end_pos - 1)
            if label in found:
                raise GradcalcError(Diagnostic(
                    "bad-labels", f"the label `{label}` stands twice", place,
                    (Label(found[label], "first here"), Label(place, "again here")),
                    "labels name the entries of a vector", "rename one of them"))  # fmt: skip
            found[label] = place
        return tuple(found)

    def row(self, parts: list[Any]) -> list[tuple[Any, syntax.Expression]]:
        return [p for p in parts if not isinstance(p, str)]

    def entry(self, parts: list[Any]) -> tuple[Any, syntax.Expression]:
        return (parts[0] if len(parts) == 2 else None), parts[-1]

    # help

    def _at(self, parts: list[Any]) -> Span:
        return span_of(self.source, *parts)

    def _deeper(self, parts: list[Any]) -> int:
        """One more than the depth of the deepest part."""
        depth = 1 + max((getattr(p, "depth", 0) for p in parts), default=0)
        if depth > self.limits.nesting:
            raise GradcalcError(too_deep(self._at(parts), self.limits.nesting))
        return depth

    def _fault(self, code: str, message: str, span: Span, remedy: str) -> GradcalcError:
        return GradcalcError(Diagnostic(code, message, span, (Label(span),), help=remedy))

    def _sizes(self, token: Any) -> tuple[int | str, ...]:
        """The sizes in `R^{n×m}`, `R^(2x3)`, `R^3`; none for `R`."""
        _, _, written = str(token).replace("\\times", "×").partition("^")
        written = written.strip().strip("{}()").strip()
        if not written:
            return ()
        pieces = [p.strip() for p in re.split(r"[×*,]|(?<=[0-9])x(?=\w)|(?<=\w)x(?=[0-9])|\s+x\s+", written)]
        if len(pieces) == 1 and (pair := re.fullmatch(r"([a-z])x([a-z])", written)):
            pieces = list(pair.groups())
        named = [p for p in pieces if not re.fullmatch("[0-9]{1,9}", p)]
        if len(pieces) > 2 or not all(p[:1].isidentifier() and re.fullmatch(r"\w+", p) for p in named):
            raise self._fault("bad-shape", f"`{token}` is not a shape", span_of(self.source, token),
                              "write `R^3`, `R^n`, `R^(2x3)` or `R^{n×m}`")  # fmt: skip
        return tuple(p if p in named else int(p) for p in pieces)


def _parameters(left: syntax.Expression) -> tuple[syntax.Name, ...] | None:
    """The parameters in `f(x, y)` on the left of `=`, or None if that is not what it is."""
    if not isinstance(left, syntax.Application) or left.primes or not isinstance(left.callee, syntax.Name):
        return None
    names = [a.value for a in left.arguments if isinstance(a.value, syntax.Name) and a.keyword is None]
    return tuple(names) if names and len(names) == len(left.arguments) else None
