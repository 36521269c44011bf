"""Text to syntax. The only module that knows Lark.

`parse` returns a `Program` or raises a `GradcalcError` with every syntax error of the text: after a fault
the text is cut into statements, and each is parsed on its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from lark import Lark, Token, UnexpectedCharacters, UnexpectedToken
from lark.exceptions import UnexpectedInput, VisitError

from gradcalc import __version__, syntax
from gradcalc.collector import collector_paused
from gradcalc.errors import Diagnostic, GradcalcError, Label, Limits, Source, Span
from gradcalc.symbols import GREEK, TERMINALS

_OPENING = {"LPAR", "LSQB", "LBRACE", "INDICATOR", "LEFT_BAR", "LEFT_BARS"}
_CLOSING = {"RPAR", "RSQB", "RBRACE", "RIGHT_BAR", "RIGHT_BARS"}
_OPERATORS = {
    "·": "*", "@": "*", "\\cdot": "*", "⊙": "∘", ".*": "∘", "\\circ": "∘", "\\odot": "∘", "\\otimes": "⊗",
}  # fmt: skip
_COMPARISONS = {"≤": "<=", "≥": ">=", "≠": "!=", "\\leq": "<=", "\\geq": ">=", "\\neq": "!="}
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_STATEMENT_HEAD = re.compile(r"[ \t]*[^\W\d]\w*[ \t]*(?:\([^()\n]*\)[ \t]*)?=(?!=)")


def normalise(name: str) -> str:
    """The name that a spelling stands for: `\\delta_{1}` is `δ_1`, accents are composed (NFC)."""
    name = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK[m.group(1)], name)
    return unicodedata.normalize("NFC", name.replace("{", "").replace("}", "").replace("\u00b5", "μ"))


class _Brackets:
    """Between lexer and parser: drops newlines inside brackets, tells opening bars from closing ones."""

    always_accept = ("_NEWLINE", "BAR", "BARS")

    def __init__(self) -> None:
        self.source = Source("", "")
        self.limits = Limits()
        self.open: list[Token] = []

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        self.open = []
        for token in stream:
            for found in self._resolve(token):
                if found.type in _OPENING:
                    self._push(found)
                elif found.type in _CLOSING and self.open:
                    self.open.pop()
                if not (found.type == "_NEWLINE" and self.open):
                    yield found

    def _push(self, token: Token) -> None:
        self.open.append(token)
        if len(self.open) > self.limits.nesting:
            raise GradcalcError(_too_deep(_span(self.source, token), self.limits.nesting))

    def _resolve(self, token: Token) -> tuple[Token, ...]:
        """A bar closes the innermost bracket if that is a bar of its kind, and opens one otherwise."""
        if token.type not in ("BAR", "BARS"):
            return (token,)
        innermost = self.open[-1].type if self.open else ""
        if innermost == f"LEFT_{token.type}":
            return (token.update(type=f"RIGHT_{token.type}"),)
        if token.type == "BARS" and innermost == "LEFT_BAR" and token == "||":
            return (_half(token, "RIGHT_BAR", 0), _half(token, "LEFT_BAR", 1))
        return (token.update(type=f"LEFT_{token.type}"),)


def _half(token: Token, kind: str, offset: int) -> Token:
    start = (token.start_pos or 0) + offset
    return Token(kind, "|", start_pos=start, end_pos=start + 1)


def _span(source: Source, *parts: Any) -> Span:
    """The place from the first part to the last; a part is a token or has a span."""
    first, last = parts[0], parts[-1]
    start = first.start_pos if isinstance(first, Token) else first.span.start
    end = last.end_pos if isinstance(last, Token) else last.span.end
    return Span(source, start, end)


def _too_deep(span: Span, limit: int) -> Diagnostic:
    return Diagnostic(
        "limit-nesting",
        f"more than {limit} constructs are nested here",
        span,
        (Label(span),),
        f"brackets, powers and signs nest at most {limit} deep",
        "give the inner part a name of its own, or raise the limit with --limit nesting=N",
    )


class _Builder:
    """Lark's callbacks: each takes the children of a rule, tokens included, and returns a record."""

    def __init__(self) -> None:
        self.source = Source("", "")
        self.limits = Limits()

    # statements

    def start(self, parts: list[Any]) -> syntax.Program:
        found = [p for p in parts if not isinstance(p, Token)]
        flat = (s for p in found for s in (p if isinstance(p, list) else [p]))
        return syntax.Program(self.source, tuple(flat))

    def equations(self, parts: list[Any]) -> list[syntax.Statement]:
        return [p for p in parts if not isinstance(p, Token)]

    def equation(self, parts: list[Any]) -> syntax.Equation:
        left, value = parts[0], parts[2]
        span = self._at(parts)
        if isinstance(left, syntax.Name):
            return syntax.Equation(span, left, None, value)
        names = _parameters(left)
        if names is None:
            raise self._fault(
                "bad-left-side",
                "the left side of `=` must be a name, as in `z = W x`, or a function of names, as in `f(t) = t^2`",
                left.span,
                "to compare two expressions, write a claim with `==`",
            )
        return syntax.Equation(span, left.callee, names, value)

    def claim(self, parts: list[Any]) -> syntax.Claim:
        return syntax.Claim(self._at(parts), parts[0], parts[2])

    def input_mark(self, parts: list[Any]) -> syntax.Input:
        return syntax.Input(self._at(parts), self.name(parts[:1]))

    def input_list(self, parts: list[Any]) -> list[syntax.Statement]:
        return [syntax.Input(_span(self.source, p), self.name([p])) for p in parts if p.type == "NAME"]

    def shape(self, parts: list[Any]) -> list[syntax.Statement]:
        sizes = self._sizes(parts[-1])
        names = [p for p in parts if p.type == "NAME"]
        return [syntax.Shaped(self._at(parts), self.name([p]), sizes) for p in names]

    def layout(self, parts: list[Any]) -> syntax.Layout:
        if str(parts[1]) not in ("shape", "numerator"):
            raise self._fault(
                "bad-layout",
                f"`{parts[1]}` is not a layout",
                _span(self.source, parts[1]),
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
            if isinstance(part, Token):
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
        return syntax.Index(self._at(parts), parts[0], parts[2], depth=self._deeper(parts))

    def items(self, parts: list[Any]) -> tuple[syntax.Expression, ...]:
        return tuple(p for p in parts if not isinstance(p, Token))

    def item(self, parts: list[Any]) -> syntax.Expression:
        return parts[0]  # type: ignore[no-any-return]

    def range(self, parts: list[Any]) -> syntax.Range:
        colon = next(i for i, p in enumerate(parts) if isinstance(p, Token))
        start = parts[0] if colon else None
        stop = parts[colon + 1] if colon + 1 < len(parts) else None
        return syntax.Range(self._at(parts), start, stop)

    # atoms

    def number(self, parts: list[Any]) -> syntax.Number:
        text, span = str(parts[0]), self._at(parts)
        if len(text) > self.limits.literal:
            raise self._fault("limit-literal", f"this number has {len(text)} characters", span,
                              f"write it with at most {self.limits.literal}")  # fmt: skip
        value = float(text)
        if value == float("inf"):
            raise self._fault("literal-range", "this number is too large for a 64-bit float", span,
                              "the largest is about 1.8e308")  # fmt: skip
        return syntax.Number(span, value, text)

    def name(self, parts: list[Any]) -> syntax.Name:
        span = self._at(parts)
        text = str(parts[0]).rstrip("'′’")
        if len(text) > self.limits.name:
            raise self._fault("limit-name", f"this name has {len(text)} characters", span,
                              f"names have at most {self.limits.name}")  # fmt: skip
        return syntax.Name(span, normalise(text))

    def group(self, parts: list[Any]) -> syntax.Group:
        return syntax.Group(self._at(parts), parts[1], depth=self._deeper(parts))

    indicator = group

    def application(self, parts: list[Any]) -> syntax.Application:
        token = parts[0]
        primes = len(token) - len(token.rstrip("'′’"))
        arguments = parts[2] if len(parts) == 4 else ()
        depth = 1 + max((a.value.depth for a in arguments), default=0)
        return syntax.Application(
            self._at(parts), self.name([token]), primes, arguments, depth=self._checked(depth, parts)
        )

    def arguments(self, parts: list[Any]) -> tuple[syntax.Argument, ...]:
        return tuple(p for p in parts if not isinstance(p, Token))

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
        inner = syntax.Derivative(_span(self.source, parts[0], by), parts[1], by)
        argument = syntax.Argument(parts[6])
        return syntax.Application(self._at(parts), inner, 0, (argument,), depth=self._deeper(parts))

    def derivative_of(self, parts: list[Any]) -> syntax.Derivative:
        by = self.name([parts[3]])
        return syntax.Derivative(self._at(parts), parts[5], by, depth=self._deeper(parts))

    def matrix(self, parts: list[Any]) -> syntax.Matrix:
        rows = [p for p in parts if not isinstance(p, Token)]
        labels = [label for row in rows for label, _ in row]
        values = tuple(tuple(value for _, value in row) for row in rows)
        span = self._at(parts)
        if any(labels) and (len(rows) > 1 or not all(labels)):
            raise self._fault("bad-labels", "labels stand in a vector, beside every entry", span,
                              "write `[a: 1, b: 2]`")  # fmt: skip
        shown = tuple(labels) if any(labels) else ()
        if len(set(shown)) < len(shown):
            twice = next(label for label in shown if shown.count(label) > 1)
            raise self._fault("bad-labels", f"the label `{twice}` stands twice", span, "labels must differ")
        return syntax.Matrix(span, values, shown, depth=self._deeper([v for row in values for v in row] or parts))

    def row(self, parts: list[Any]) -> list[tuple[str | None, syntax.Expression]]:
        return [p for p in parts if not isinstance(p, Token)]

    def entry(self, parts: list[Any]) -> tuple[str | None, syntax.Expression]:
        label = str(parts[0])[:-1].rstrip().strip('"') if len(parts) == 2 else None
        return label, parts[-1]

    # help

    def _at(self, parts: list[Any]) -> Span:
        return _span(self.source, *parts)

    def _deeper(self, parts: list[Any]) -> int:
        return self._checked(1 + max((getattr(p, "depth", 0) for p in parts), default=0), parts)

    def _checked(self, depth: int, parts: list[Any]) -> int:
        if depth > 2 * self.limits.nesting:
            raise GradcalcError(_too_deep(self._at(parts), self.limits.nesting))
        return depth

    def _fault(self, code: str, message: str, span: Span, remedy: str) -> GradcalcError:
        return GradcalcError(Diagnostic(code, message, span, (Label(span),), help=remedy))

    def _sizes(self, token: Token) -> tuple[int | str, ...]:
        """The sizes in `R^{n×m}`, `R^(2x3)`, `R^3`; none for `R`."""
        _, _, written = str(token).replace("\\times", "×").partition("^")
        written = written.strip().strip("{}()").strip()
        if not written:
            return ()
        pieces = [p.strip() for p in re.split(r"[×*,]|(?<=\d)x(?=\w)|(?<=\w)x(?=\d)|\s+x\s+", written)]
        if len(pieces) == 1 and (pair := re.fullmatch(r"([a-z])x([a-z])", written)):
            pieces = list(pair.groups())
        if len(pieces) > 2 or not all(re.fullmatch(r"\d{1,9}|[^\W\d]\w*", p) for p in pieces):
            raise self._fault("bad-shape", f"`{token}` is not a shape", _span(self.source, token),
                              "write `R^3`, `R^n`, `R^(2x3)` or `R^{n×m}`")  # fmt: skip
        return tuple(int(p) if p.isdigit() else p for p in pieces)


def _parameters(left: syntax.Expression) -> tuple[syntax.Name, ...] | None:
    """The parameters in `f(x, y)` on the left of `=`, or None if that is not what it is."""
    if not isinstance(left, syntax.Application) or left.primes or not isinstance(left.callee, syntax.Name):
        return None
    names = [a.value for a in left.arguments if isinstance(a.value, syntax.Name) and a.keyword is None]
    return tuple(names) if names and len(names) == len(left.arguments) else None


def grammar_path() -> Path:
    """Where the grammar lies: inside an installed package, or beside the package in a checkout."""
    package = Path(__file__).parent
    for path in (package / "grammar" / "gradcalc.lark", package.parent / "grammar" / "gradcalc.lark"):
        if path.is_file():
            return path
    raise FileNotFoundError("gradcalc.lark is missing: the installation is incomplete")


class _Parser:
    """The grammar, its callbacks and the bracket pass, made once and used under a lock."""

    shared: ClassVar[Lock] = Lock()

    def __init__(self) -> None:
        self.builder = _Builder()
        self.brackets = _Brackets()
        options: dict[str, Any] = {
            "parser": "lalr", "lexer": "contextual", "keep_all_tokens": True, "maybe_placeholders": False,
            "postlex": self.brackets, "transformer": self.builder, "propagate_positions": False,
        }  # fmt: skip
        text = grammar_path().read_text(encoding="utf-8")
        self.lark = Lark(text, cache=_cache_file(text), **options)

    def parse(self, source: Source, text: str, limits: Limits) -> syntax.Program:
        with self.shared, collector_paused():
            for part in (self.builder, self.brackets):
                part.source, part.limits = source, limits
            return self.lark.parse(text)  # type: ignore[return-value]


def _cache_file(grammar: str) -> str | bool:
    """A file in the user's own cache folder, named by version and content; False where there is none."""
    import hashlib

    from platformdirs import user_cache_path

    folder = user_cache_path("gradcalc", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return False
    digest = hashlib.sha256(grammar.encode()).hexdigest()[:16]
    return str(folder / f"grammar-{__version__}-{digest}.cache")


@cache
def _parser() -> _Parser:
    return _Parser()


def parse(source: Source, limits: Limits = Limits()) -> syntax.Program:  # noqa: B008
    """Parse a text.

    Returns the program. Raises `GradcalcError` with all syntax errors, in the order of their places.
    """
    _refuse_characters(source)
    try:
        return _attempt(source, source.text, limits)
    except GradcalcError:
        found = _all_faults(source, limits)
        raise GradcalcError(found) from None


def _refuse_characters(source: Source) -> None:
    found = []
    for match in _FORBIDDEN.finditer(source.text):
        span = Span(source, match.start(), match.end())
        code = f"U+{ord(match.group()):04X}"
        name = unicodedata.name(match.group(), "a control character").lower()
        found.append(
            Diagnostic("forbidden-character", f"the text contains {code} ({name})", span, (Label(span, code),),
                       "invisible and control characters can make a text mean other than it shows", "delete it")
        )  # fmt: skip
        if len(found) == 20:
            break
    if found:
        raise GradcalcError(found)


def _attempt(source: Source, text: str, limits: Limits) -> syntax.Program:
    parser = _parser()
    try:
        return parser.parse(source, text + "\n", limits)
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedInput as error:
        raise GradcalcError(_explain(source, error, list(parser.brackets.open))) from None


def _all_faults(source: Source, limits: Limits) -> list[Diagnostic]:
    """Parse statement by statement; blanks before each keep the offsets right."""
    found: list[Diagnostic] = []
    for start, end in _cut(source.text):
        if not source.text[start:end].strip():
            continue
        try:
            _attempt(source, _blank(source.text[:start]) + source.text[start:end], limits)
        except GradcalcError as error:
            found.extend(error.diagnostics)
        if len(found) >= 20:
            break
    if not found:
        try:
            _attempt(source, source.text, limits)
        except GradcalcError as error:
            found.extend(error.diagnostics)
    return found


def _blank(text: str) -> str:
    return " " * len(text)


def _cut(text: str) -> Iterator[tuple[int, int]]:
    """Where the statements are, also when a bracket is not closed: a line like `name = ...` begins anew."""
    start = depth = 0
    for match in re.finditer(r"#[^\n]*|[(\[{]|[)\]}]|[;\n]", text):
        mark = match.group()
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth = max(0, depth - 1)
        elif mark in ";\n" and (not depth or (mark == "\n" and _STATEMENT_HEAD.match(text, match.end()))):
            yield start, match.start()
            start, depth = match.end(), 0
    yield start, len(text)


def _explain(source: Source, error: UnexpectedInput, opened: list[Token]) -> Diagnostic:
    """A parser's fault in words."""
    if isinstance(error, UnexpectedCharacters):
        return _explain_character(source, error)
    assert isinstance(error, UnexpectedToken)
    token = error.token
    expected = _in_words(error.accepts or error.expected)
    ended = token.type in ("$END", "_NEWLINE", "SEMICOLON")
    start = min(token.start_pos if token.start_pos is not None else len(source.text), len(source.text))
    if ended:
        end = len(source.text[:start].rstrip())
        span = Span(source, max(end - 1, 0), end) if end else Span(source, 0, 0)
        if opened and token.type != "SEMICOLON":
            place = _span(source, opened[-1])
            return Diagnostic("unclosed-bracket", f"`{place.text.strip()}` is never closed", place,
                              (Label(place, "opened here"),), help=f"expected {expected}")  # fmt: skip
        return Diagnostic("unexpected-end", f"the statement ends early, after `{span.text}`", span,
                          (Label(span, "ends here"),), f"expected {expected}",
                          "complete it; inside brackets a statement may go on over several lines")  # fmt: skip
    span = Span(source, start, start + len(token))
    return Diagnostic("syntax", f"`{token}` does not fit here", span, (Label(span),), f"expected {expected}",
                      _remedy(source, token, opened))  # fmt: skip


def _remedy(source: Source, token: Token, opened: list[Token]) -> str:
    before = source.text[: token.start_pos].rstrip()[-1:]
    if token.type == "NUMBER" and (before.isalnum() or before in ")]"):
        inside = opened and opened[-1].type == "LSQB"
        return "separate entries by commas, as in [1, 2]" if inside else "to multiply by a number, write `2 x` or `x * 2`"
    if token.type == "EQUAL" and not opened:
        return "a claim has one `==`"
    if token == "=":
        return "inside an expression, compare with `==`"
    if token.type in ("COMPARE",) and not opened:
        return "a comparison as a value goes into brackets, as in `1(y > z)`; a claim is written with `==`"
    return ""


def _explain_character(source: Source, error: UnexpectedCharacters) -> Diagnostic:
    start = error.pos_in_stream
    text = source.text[start] if start < len(source.text) else ""
    word = re.match(r"\\[A-Za-z]+", source.text[start:])
    if word:
        span = Span(source, start, start + word.end())
        return Diagnostic("unknown-symbol", f"`{word.group()}` is not a symbol that gradcalc reads", span,
                          (Label(span),), help="Greek letters, \\partial, \\circ, \\cdot, \\odot, \\otimes are")  # fmt: skip
    span = Span(source, start, start + len(text))
    shown = f"U+{ord(text):04X} {unicodedata.name(text, '')}".strip() if text else ""
    return Diagnostic("unknown-character", f"`{text}` has no meaning here", span, (Label(span, shown),),
                      help="see docs/language.md for the characters that have one")  # fmt: skip


def _in_words(terminals: set[str]) -> str:
    """Expected tokens as a reader would name them."""
    words = sorted({TERMINALS.get(t, "") for t in terminals} - {""})
    if len(words) < 2:
        return words[0] if words else "nothing more"
    return ", ".join(words[:-1]) + " or " + words[-1]
