"""What a reader is told where the parser stopped: the fault by its name, its place, one remedy.

The parser says which token it met, which it could have gone on with, and which brackets are open; that, and the
text before, tell most mistakes apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from gradcalc.errors import Diagnostic, Label, Source, Span
from gradcalc.symbols import END, OPERATOR, REMEDIES, TERMINALS, VALUE, excerpt

PARTNERS = {"(": ")", "[": "]", "{": "}", "|": "|", "||": "||", "‖": "‖", "\\|": "\\|"}
_VALUE_END = re.compile(r"[\w)\]'′’ᵀ⊤]\s*\Z")
_BETWEEN = ("MULTIPLY", "SLASH", "HAT", "COMMA", "RPAR", "RSQB", "RBRACE", "RIGHT_BAR", "RIGHT_BARS")
_COMPARISON = re.compile(r"[<>≤≥≠]|==|!=|\\(?:leq|geq|neq)\b")


def bracket(token: Any) -> str:
    """An opening bracket as written, without what its token holds besides, as in `1(`."""
    return str(token)[-1] if str(token).endswith("(") else str(token)


class Stop(Struct, frozen=True):
    """Where the parser stopped: at `token`, of type `kind`, in the statement that begins at `begin`.

    `expected` are the terminals that could have followed, `opened` the tokens of the brackets that are open.
    """

    source: Source
    begin: int
    start: int
    token: str
    kind: str
    expected: frozenset[str]
    opened: Sequence[Any]

    @property
    def span(self) -> Span:
        """The place of the token."""
        return Span(self.source, self.start, self.start + len(self.token))

    @property
    def before(self) -> str:
        """The text of the statement up to the token."""
        return self.source.text[self.begin : self.start]

    @property
    def after_value(self) -> bool:
        """Whether a value has just ended, so that an operator could follow."""
        if self.expected & {"HAT", "MULTIPLY"}:
            return True
        relation = self.kind in ("ASSIGN", "EQUAL", "COMPARE", "SEMICOLON", "COMMA", "_NEWLINE", "$END")
        return relation and not self.expected & {"NAME", "SPACE"} and bool(_VALUE_END.search(self.before))

    @property
    def inside(self) -> str:
        """The type of the innermost open bracket, or ""."""
        return self.opened[-1].type if self.opened else ""

    def words(self) -> str:
        """What could stand here, as a reader would name it."""
        found = {TERMINALS[t] for t in self.expected if t in TERMINALS}
        if self.after_value:
            found = (found | {OPERATOR}) - {VALUE}
        elif VALUE in found:
            found -= {OPERATOR, END, "`;`"}
        if VALUE in found and "NUMBER" not in self.expected:
            found = found - {VALUE} | {"a name"}
        found -= {END} if self.opened else {"`,`", "`;`"}
        if "`=`" in found:
            found -= {OPERATOR, END}
        words = sorted(found, key=lambda w: (w == END, w.startswith("`"), w))
        if len(words) < 2:
            return f"expected {words[0]}" if words else ""
        return "expected " + ", ".join(words[:-1]) + " or " + words[-1]


def fault(stop: Stop) -> Diagnostic:
    """The fault at a token that does not fit."""
    if stop.kind in ("$END", "_NEWLINE") or (stop.kind == "SEMICOLON" and stop.inside != "LSQB"):
        return _unclosed(stop) if stop.opened else _ended(stop)
    choice = re.search(r"(?<!\S)(?:if|else)(?!\S)", stop.before)
    if choice:
        span = Span(stop.source, stop.begin + choice.start(), stop.begin + choice.end())
        return Diagnostic("syntax", f"`{choice.group()}` is no word of the language", span, (Label(span),),
                          help="write a choice as `where(condition, a, b)`")  # fmt: skip
    if stop.token in _SPECIAL and (found := _SPECIAL[stop.token](stop)) is not None:
        return found
    if stop.kind == "NUMBER" and stop.after_value:
        return _missing_operator(stop)
    if stop.kind == "COMPARE":
        return _comparison(stop)
    if "SPACE" in stop.expected:
        return Diagnostic("bad-shape", f"`{stop.token}` is not a shape", stop.span, (Label(stop.span),),
                          help="write `R^3`, `R^n`, `R^(2x3)` or `R^{n×m}`")  # fmt: skip
    if stop.kind in _BETWEEN and not stop.after_value and VALUE in stop.words():
        remedy = f"write one, or delete `{stop.token}`" if stop.kind in _BETWEEN[:3] else "write one"
        if stop.kind.startswith("RIGHT_BAR"):
            remedy = "write one; for a norm inside a norm write `abs(...)` or `norm(...)`, as bars do not nest"
        return Diagnostic("syntax", f"a value is missing before `{stop.token}`", stop.span, (Label(stop.span),),
                          stop.words(), remedy)  # fmt: skip
    return Diagnostic("syntax", f"`{stop.token.strip()}` does not fit here", stop.span, (Label(stop.span),),
                      stop.words(), REMEDIES.get(stop.token, ""))  # fmt: skip


# --------------------------------------------------------------------------------------- ends


def _unclosed(stop: Stop) -> Diagnostic:
    """A bracket that is open where its statement ends."""
    opened = stop.opened[-1]
    if len(stop.opened) > 1 and opened.type == "LEFT_BAR" and stop.opened[-2].type == "LEFT_BARS":
        opened = stop.opened[-2]
    written = bracket(opened)
    place = Span(stop.source, opened.end_pos - len(written), opened.end_pos)
    return Diagnostic("unclosed-bracket", f"`{written}` is never closed", place, (Label(place, "opened here"),),
                      help=f"close it with `{PARTNERS[written]}`")  # fmt: skip


def _ended(stop: Stop) -> Diagnostic:
    """A statement that ends where more must follow."""
    text = stop.source.text
    end = len(text[: stop.start].rstrip())
    if "ASSIGN" in stop.expected and stop.after_value:
        begin = stop.begin + len(stop.before) - len(stop.before.lstrip())
        if "," in stop.before and "=" in stop.before:
            return _list_without_brackets(stop, end)
        span = Span(stop.source, begin, end)
        return Diagnostic("syntax", f"`{excerpt(span)}` stands without a name", span, (Label(span),),
                          "a statement defines a name, as in `y = x + 1`", f"write `y = {excerpt(span)}`")  # fmt: skip
    last = re.search(r"\w+|\\\w+|==|<=|>=|!=|\*\*|\.[*/^]|\S", text[max(end - 40, stop.begin) : end][::-1])
    width = len(last.group()) if last and not last.start() else 1
    span = Span(stop.source, max(end - width, 0), end)
    return Diagnostic("unexpected-end", f"the statement ends early, after `{span.text}`", span,
                      (Label(span, "ends here"),), stop.words(),
                      "complete it; inside brackets a statement may go on over several lines")  # fmt: skip


def _list_without_brackets(stop: Stop, end: int) -> Diagnostic:
    comma = stop.before.rindex(",")
    span = Span(stop.source, stop.begin + comma, end)
    return Diagnostic("syntax", f"`{excerpt(span)}` is no equation", span, (Label(span),),
                      "after a comma another equation stands, as in `x = 1, y = 2`",
                      "put the entries of a vector into brackets, as in `x = [1, 2]`")  # fmt: skip


# ---------------------------------------------------------------------------------- one token


def _missing_operator(stop: Stop) -> Diagnostic:
    """`x 2` and `[1 2]`."""
    before = re.search(r"(?:[^\W\d]\w*|[\d.]+)\s*$", stop.before)
    left = before.group().strip() if before else ""
    start = stop.begin + before.start() if before else stop.start
    labels = (Label(Span(stop.source, start, stop.span.end)),)
    if stop.token[0] == "." and re.fullmatch(r"[\d.]+", before.group() if before else ""):
        number = Span(stop.source, start, stop.span.end)
        return Diagnostic("syntax", f"`{excerpt(number)}` is not a number", number, labels,
                          help="write one point in a number")  # fmt: skip
    between = f"between `{left}` and `{stop.token}`" if left else f"before `{stop.token}`"
    if stop.inside == "LSQB":
        return Diagnostic("missing-comma", f"a comma is missing {between}", stop.span, labels,
                          "entries and indices are separated by commas, rows by `;`",
                          f"write `{left}, {stop.token}`")  # fmt: skip
    return Diagnostic("missing-operator", f"an operator is missing {between}", stop.span, labels,
                      "a number multiplies what stands after it, as in `2 x`, and not what stands before",
                      f"to multiply, write `{left} * {stop.token}`".replace("` *", "`*"))  # fmt: skip


def _comparison(stop: Stop) -> Diagnostic:
    """`a < b < c`, and `a < b` as a statement."""
    since = max(stop.opened[-1].end_pos if stop.opened else stop.begin, stop.begin)
    earlier = _COMPARISON.search(stop.source.text, since, stop.start)
    if earlier:
        first = Span(stop.source, earlier.start(), earlier.end())
        return Diagnostic("syntax", "two comparisons stand in a row", stop.span, (Label(first), Label(stop.span)),
                          "a comparison has two sides and gives 0 or 1",
                          "multiply two comparisons, as in `(a < b) (b < c)`")  # fmt: skip
    return Diagnostic("syntax", "a comparison is no statement", stop.span, (Label(stop.span),),
                      "a statement defines a name, or claims with `==` that two values agree",
                      "give it a name, as in `c = (a < b)`, or claim it with `1(a < b) == 1`")  # fmt: skip


def _assign(stop: Stop) -> Diagnostic:
    if stop.opened or not stop.after_value:
        return Diagnostic("syntax", "`=` does not fit here", stop.span, (Label(stop.span),),
                          stop.words() if not stop.opened else "`=` defines a name, and `==` compares",
                          "compare with `==`" if stop.opened else "")  # fmt: skip
    first = Span(stop.source, *_offset(stop, "="))
    return Diagnostic("syntax", "an equation has a second `=`", stop.span, (Label(first), Label(stop.span)),
                      "an equation defines one name",
                      "separate two equations by `;`, or compare with `==`")  # fmt: skip


def _equal(stop: Stop) -> Diagnostic | None:
    if stop.opened or not stop.after_value:
        return None
    first = Span(stop.source, *_offset(stop, "=="))
    return Diagnostic("syntax", "a second `==` in one statement", stop.span, (Label(first), Label(stop.span)),
                      "a claim has two sides", "write two claims, as in `a == b; b == c`")  # fmt: skip


def _offset(stop: Stop, mark: str) -> tuple[int, int]:
    """Where a mark stands in the statement before the token, outside `==` and the like."""
    found = re.search(rf"(?<![=<>!]){mark}(?!=)", stop.before)
    start = stop.begin + found.start() if found else stop.start
    return start, start + len(mark)


def _comma(stop: Stop) -> Diagnostic | None:
    if stop.inside != "LPAR" or not stop.after_value:
        return None
    return Diagnostic("syntax", "several values stand in round brackets", stop.span, (Label(stop.span),),
                      "round brackets group one expression, or hold the arguments of a function",
                      "write a vector in square brackets, as in `[1, 2]`")  # fmt: skip


def _colon(stop: Stop) -> Diagnostic | None:
    if stop.source.text[stop.start : stop.start + 2] != ":=":
        return None
    span = Span(stop.source, stop.start, stop.start + 2)
    return Diagnostic("syntax", "`:=` does not fit here", span, (Label(span),), help="define a name with `=`")


def _semicolon(stop: Stop) -> Diagnostic | None:
    """A matrix right after a value is an index: `A [1, 2; 3, 4]`."""
    if not stop.after_value or "SEMICOLON" in stop.expected:
        return None
    opened = Span(stop.source, stop.opened[-1].start_pos, stop.opened[-1].end_pos)
    return Diagnostic("syntax", "`;` stands in an index", stop.span, (Label(opened), Label(stop.span)),
                      "`[` right after a value takes entries of it, as in `A[0, 1]`",
                      "to multiply by a matrix in brackets, write `A * [1, 2; 3, 4]`")  # fmt: skip


def _directive(stop: Stop) -> Diagnostic | None:
    word = re.compile(r"@\w+").match(stop.source.text, stop.start)
    if word is None or stop.before.strip():
        return None
    span = Span(stop.source, word.start(), word.end())
    return Diagnostic("bad-layout", f"`{word.group()}` is not a convention", span, (Label(span),),
                      "the one convention is the layout of gradients",
                      "write `@layout shape` or `@layout numerator`")  # fmt: skip


_SPECIAL = {
    "=": _assign, "==": _equal, ",": _comma, ":": _colon, ";": _semicolon, "@": _directive,
}  # fmt: skip


# ----------------------------------------------------------------------------------- brackets


def mismatched(source: Source, opened: Any, closing: Any) -> Diagnostic:
    """A closing bracket that is not the partner of the one that is open."""
    written = bracket(opened)
    first = Span(source, opened.end_pos - len(written), opened.end_pos)
    second = Span(source, closing.start_pos, closing.end_pos)
    return Diagnostic("mismatched-bracket", f"`{closing}` does not close `{written}`", second,
                      (Label(first, "opened here"), Label(second)),
                      "brackets close in the order opposite to that in which they open",
                      f"close `{written}` with `{PARTNERS[written]}` first")  # fmt: skip


def unopened(source: Source, closing: Any) -> Diagnostic:
    """A closing bracket where none is open."""
    span = Span(source, closing.start_pos, closing.end_pos)
    partner = next(o for o, c in PARTNERS.items() if c == str(closing))
    return Diagnostic("unopened-bracket", f"`{closing}` closes nothing", span, (Label(span),),
                      help=f"delete it, or open `{partner}` before it")  # fmt: skip


# --------------------------------------------------------------------------------- characters


def character(source: Source, start: int) -> Diagnostic:
    """A character, or a backslash word, that begins no token."""
    text = source.text[start : start + 1]
    word = re.compile(r"\\[A-Za-z]+").match(source.text, start)
    if word:
        span = Span(source, start, word.end())
        return Diagnostic("unknown-symbol", f"`{word.group()}` is not a symbol that gradcalc reads", span,
                          (Label(span),), "read are Greek letters, \\partial, \\cdot, \\circ, \\odot, \\otimes, "
                          "\\leq, \\geq and \\neq", _symbol_remedy(word.group()[1:]))  # fmt: skip
    span = Span(source, start, start + len(text))
    shown = f"U+{ord(text):04X} {unicodedata.name(text, '')}".strip() if text else ""
    transposed = re.compile(r"\.T\b").match(source.text, start)
    rule = "names are Latin and Greek letters, digits and `_`" if text.isalpha() else ""
    remedy = "write `^T` for the transpose" if transposed else REMEDIES.get(text) or _meant(text)
    return Diagnostic("unknown-character", f"`{text}` has no meaning here", span, (Label(span, shown),), rule, remedy)


_ALIKE = dict(zip("аеорсухіјѕһАВЕКМНОРСТХІЈЅ", "aeopcyxijshABEKMHOPCTXIJS", strict=True))
"""Cyrillic letters that look like Latin ones."""


def _meant(character: str) -> str:
    """What to write for a character of another script, width or style."""
    if character.isspace():
        return "write a plain space"
    if not character.isascii() and character.isdecimal():
        return f"write `{unicodedata.decimal(character)}`"
    plain = _ALIKE.get(character) or unicodedata.normalize("NFKC", character)
    if plain != character and unicodedata.name(plain[0], "").startswith(("LATIN", "GREEK", "DIGIT")):
        return f"write `{plain}`"
    return "write a Latin or a Greek letter" if character.isalpha() else "delete it, or write it in words"


def _symbol_remedy(word: str) -> str:
    from gradcalc.suggest import did_you_mean
    from gradcalc.symbols import GREEK

    plain = {"frac": "write `a / b`", "sqrt": "write `sqrt(x)`", "times": "write `*`", "sum": "write `sum(x)`",
             "log": "write `log(x)`", "exp": "write `exp(x)`", "tanh": "write `tanh(x)`", "max": "write `max(a, b)`",
             "left": "leave it out", "right": "leave it out", "nabla": "write `∂s/∂x`, or `grad(s, x)`"}  # fmt: skip
    close = did_you_mean(word, GREEK)
    return plain.get(word) or (f"did you mean `\\{close}`?" if close else f"write `{word}` for a name")
