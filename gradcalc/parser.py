"""Text to syntax. The only module that knows Lark.

`parse` returns a `Program` or raises a `GradcalcError` with every syntax error of the text: after a fault
the text is cut into statements, and each is parsed on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from lark import Lark, TextSlice, Token, UnexpectedCharacters, UnexpectedToken
from lark.exceptions import UnexpectedInput, VisitError
from lark.lexer import ContextualLexer

from gradcalc import __version__, syntax, syntax_faults
from gradcalc.collector import collector_paused
from gradcalc.errors import Diagnostic, GradcalcError, Limits, Source, Span
from gradcalc.symbols import INVISIBLE, forbidden, foreign, normalise
from gradcalc.tree import Tree, span_of, too_deep

__all__ = ["grammar_path", "normalise", "parse"]

MOST_FAULTS = 20
_PARTNERS = {
    "LPAR": "RPAR", "INDICATOR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "LEFT_BAR": "RIGHT_BAR",
    "LEFT_BARS": "RIGHT_BARS",
}  # fmt: skip
_NAMES = {"NAME", "CALLEE"}
_CLOSING = set(_PARTNERS.values())
_FORBIDDEN = re.compile(rf"(?![\t\n\f]|\r\n){INVISIBLE.pattern}")
_WORD = r"(?:\\[A-Za-z]+|[^\W\d])\w*"
_STATEMENT_HEAD = re.compile(
    rf"[ \t]*(?:@layout\b|input[ \t]+\w|(?!axis\b){_WORD}[ \t]*(?:\([^()\n]*\)[ \t]*)?=(?!=)"
    rf"|{_WORD}[ \t]*\(input\)|{_WORD}(?:[ \t]*,[ \t]*{_WORD})*[ \t]*(?:[ \t]in\b|∈))"
)
_MARKS = re.compile(r'#[^\n]*|"[^"\n]*"|[(\[{]|[)\]}]|\|\||‖|\\\||\||[;\n]')


class _Brackets:
    """Between lexer and parser: drops newlines inside brackets, tells opening bars from closing ones, and refuses names
    with letters of other scripts."""

    always_accept = ("_NEWLINE", "BAR", "BARS", "RPAR", "RSQB", "RBRACE")

    def __init__(self) -> None:
        self.source = Source("", "")
        self.limits = Limits()
        self.open: list[Token] = []

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        self.open = []
        for token in stream:
            if fault := _foreign(self.source, token):
                raise GradcalcError(fault)
            for found in self._resolve(token):
                if found.type in _PARTNERS:
                    self._push(found)
                elif found.type in _CLOSING:
                    self._pop(found)
                if not (found.type == "_NEWLINE" and self.open):
                    yield found

    def _push(self, token: Token) -> None:
        self.open.append(token)
        if len(self.open) > self.limits.nesting:
            raise GradcalcError(too_deep(span_of(self.source, token), self.limits.nesting))

    def _pop(self, token: Token) -> None:
        if not self.open:
            raise GradcalcError(syntax_faults.unopened(self.source, token))
        if _PARTNERS[self.open[-1].type] != token.type:
            raise GradcalcError(syntax_faults.mismatched(self.source, self.open[-1], token))
        self.open.pop()

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


def _foreign(source: Source, token: Token) -> Diagnostic | None:
    """The fault of a name with a letter of another script."""
    place = foreign(token) if token.type in _NAMES else None
    return None if place is None else syntax_faults.character(source, (token.start_pos or 0) + place)


def _half(token: Token, kind: str, offset: int) -> Token:
    start = (token.start_pos or 0) + offset
    return Token(kind, "|", start_pos=start, end_pos=start + 1)


def grammar_path() -> Path:
    """Where the grammar lies: inside an installed package, or beside the package in a checkout."""
    package = Path(__file__).parent
    for path in (package / "grammar" / "gradcalc.lark", package.parent / "grammar" / "gradcalc.lark"):
        if path.is_file():
            return path
    raise FileNotFoundError("gradcalc.lark is missing: the installation is incomplete")


class _Lexer(ContextualLexer):
    """In the midst of expressions one pattern for all states, but for the words that are special in some.

    What a state does not take is refused by the parser in the same words. A pattern for each set of terminals takes
    more time to build than a small file to read.
    """

    _SPECIAL = frozenset({"INPUT", "KEYWORD", "LABEL", "LBRACE", "NORM_KIND", "SLASH", "SPACE", "_IN", "_LAYOUT"})

    def __init__(self, conf: Any, states: Any, always_accept: Any = ()):
        common = {t.name for t in conf.terminals} - self._SPECIAL
        inside = {state for state, t in states.items() if {"ADD", "NAME"} <= set(t) and "_LAYOUT" not in t}
        enlarged = {state: sorted(common.union(t)) if state in inside else t for state, t in states.items()}
        super().__init__(conf, enlarged, always_accept=always_accept)


class _Parser:
    """The grammar, the records of its rules and the bracket pass, made once and used under a lock."""

    shared: ClassVar[Lock] = Lock()

    def __init__(self) -> None:
        self.tree = Tree()
        self.brackets = _Brackets()
        options: dict[str, Any] = {
            "parser": "lalr", "lexer": "contextual", "keep_all_tokens": True, "maybe_placeholders": False,
            "postlex": self.brackets, "transformer": self.tree, "propagate_positions": False,
            "_plugins": {"ContextualLexer": _Lexer},
        }  # fmt: skip
        text = grammar_path().read_text(encoding="utf-8")
        self.lark = Lark(text, cache=_cache_file(text), **options)

    def parse(self, source: Source, text: str, begin: int, end: int, limits: Limits) -> syntax.Program:
        """Parse a stretch of a text, places counted from its beginning; raises `GradcalcError`."""
        with self.shared, collector_paused():
            self.tree.source = self.brackets.source = source
            self.tree.limits = self.brackets.limits = limits
            try:
                return self.lark.parse(TextSlice(text, begin, end))  # type: ignore[return-value]
            except VisitError as error:
                raise error.orig_exc from None
            except UnexpectedInput as error:
                raise GradcalcError(self._explain(source, begin, error)) from None

    def _explain(self, source: Source, begin: int, error: UnexpectedInput) -> Diagnostic:
        if isinstance(error, UnexpectedCharacters):
            return syntax_faults.character(source, error.pos_in_stream or 0)
        assert isinstance(error, UnexpectedToken)
        token, last = error.token, len(source.text)
        if fault := _foreign(source, token):
            return fault
        start = last if token.type == "$END" or token.start_pos is None else min(token.start_pos, last)
        expected = frozenset(error.accepts or error.expected)
        stop = syntax_faults.Stop(source, begin, start, str(token), token.type, expected, self.brackets.open)
        return syntax_faults.fault(stop)


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
    text = source.text + "\n"
    try:
        return _parser().parse(source, text, 0, len(text), limits)
    except GradcalcError as error:
        raise GradcalcError(_all_faults(source, text, limits, error.diagnostics[0]) or error.diagnostics) from None


def _refuse_characters(source: Source) -> None:
    matches = islice(_FORBIDDEN.finditer(source.text), MOST_FAULTS)
    found = [forbidden("the text", m.group(), Span(source, m.start(), m.end())) for m in matches]
    if found:
        raise GradcalcError(found)


def _all_faults(source: Source, text: str, limits: Limits, first: Diagnostic) -> list[Diagnostic]:
    """Parse statement by statement, and collect the first faults.

    Statements that end before the first fault, with all their brackets closed, were read without one.
    """
    found: list[Diagnostic] = []
    reached = first.span.start if first.span else 0
    sound = True
    for begin, end, closed in _cut(text):
        sound = sound and closed and end <= reached
        if sound or (begin, end) == (0, len(text)):
            continue
        try:
            _parser().parse(source, text, begin, end, limits)
        except GradcalcError as error:
            found.extend(error.diagnostics)
        if len(found) >= MOST_FAULTS:
            break
    return found


def _cut(text: str) -> Iterator[tuple[int, int, bool]]:
    """Where the statements are, their ends included, and whether their brackets are closed.

    A line that begins like a statement begins a new one also where a bracket is open.
    """
    start = 0
    opened: list[str] = []
    for match in _MARKS.finditer(text):
        mark = match.group()
        if mark in ("\n", ";"):
            inside = opened and (mark == "\n" or opened[-1] == "[")
            if not inside or (mark == "\n" and _STATEMENT_HEAD.match(text, match.end())):
                yield start, match.end(), not opened
                start, opened = match.end(), []
        elif mark in syntax_faults.PARTNERS and not (opened and opened[-1] == mark and mark not in "([{"):
            opened.append(mark)
        elif mark[0] not in '#"':
            _close(opened, mark)
    if start < len(text):
        yield start, len(text), not opened


def _close(opened: list[str], mark: str) -> None:
    """Close the innermost bracket whose partner this is, and those inside it."""
    for i in range(len(opened) - 1, -1, -1):
        if syntax_faults.PARTNERS[opened[i]] == mark:
            del opened[i:]
            return
