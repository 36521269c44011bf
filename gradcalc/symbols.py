"""Closed tables of spellings: Greek letters by their LaTeX names, characters that cannot be seen, terminals of the
grammar in words, remedies."""

from __future__ import annotations

import re
import unicodedata

from gradcalc.errors import Diagnostic, GradcalcError, Label, Span

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "omicron": "ο", "pi": "π", "rho": "ρ", "sigma": "σ", "varsigma": "ς", "tau": "τ",
    "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ",
    "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip


_VARIANTS = str.maketrans("\u00b5ϐϑϒϕϖϰϱϵ", "μβθΥφπκρε")
"""Greek letters that Unicode has twice, as symbols of mathematics too."""


def normalise(name: str) -> str:
    """The name that a spelling stands for: `\\delta_{1}` is `δ_1`, `ϕ` is `φ`, accents are composed (NFC)."""
    if name.isascii() and name.isidentifier():
        return name
    name = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m.group(1), m.group()), name)
    return unicodedata.normalize("NFC", name.replace("{", "").replace("}", "").translate(_VARIANTS))


_LETTERS = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
    "\u00b5\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1"
    "\u03a3-\u03e1\u03f0-\u03f5\u03f7-\u03ff\u1f00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d"
    "\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fc2-\u1fc4\u1fc6-\u1fcc"
    "\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc"
)
"""The letters of Unicode's Latin and Greek blocks, without the marks that stand among them: U+037E looks like `;`."""


def foreign(name: str) -> int | None:
    """The place of the first letter or digit that no name has: of another script, or above the line."""
    if name.isascii():
        return None
    found = re.search(rf"(?![{_LETTERS}0-9_\u2080-\u2089])\w", name)
    return None if found is None else found.start()


INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""A character that cannot be seen or that changes how others are shown: controls, those of format and of direction,
ends of lines and paragraphs, halves of surrogate pairs, and what Unicode calls default ignorable."""

_CONTROLS = {
    "\0": "null", "\b": "backspace", "\v": "vertical tab", "\f": "form feed", "\r": "carriage return",
    "\x1b": "escape", "\x7f": "delete", "\x85": "next line",
}  # fmt: skip


_LINE_ENDS = "\r\v\x85\u2028\u2029"


def character_name(character: str) -> str:
    """What Unicode calls a character, in lower case."""
    kind = "a surrogate" if "\ud800" <= character <= "\udfff" else "a control character"
    return unicodedata.name(character, _CONTROLS.get(character, kind)).lower()


def forbidden(where: str, character: str, span: Span | None = None) -> Diagnostic:
    """The fault of a character that cannot be seen; `where` is what contains it."""
    code = f"U+{ord(character):04X}"
    return Diagnostic("forbidden-character", f"{where} contains {code} ({character_name(character)})", span,
                      (Label(span, code),) if span else (),
                      "invisible and control characters can make a text mean other than it shows",
                      "end the line with a newline" if character in _LINE_ENDS else "delete it")  # fmt: skip


def refuse_invisible(where: str, text: str) -> None:
    """Raise `GradcalcError` for the first character of a text that cannot be seen."""
    if found := INVISIBLE.search(text):
        raise GradcalcError(forbidden(where, found.group()))


def visible(text: str) -> str:
    """A text in which nothing is invisible: `\\x1b`, `\\u202e`; newlines stay."""
    return INVISIBLE.sub(lambda m: m.group() if m.group() == "\n" else _code(ord(m.group())), text)


def _code(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def excerpt(span: Span, most: int = 60) -> str:
    """The text of a place on one line, its brackets closed, its middle left out where it is longer than `most`."""
    text = span.text
    after = span.source.text[span.end : span.end + max(0, text.count("(") - text.count(")"))]
    text += after[: len(after) - len(after.lstrip(")"))]
    if len(text) <= 4 * most:
        text = " ".join(text.split())
    if len(text) <= most:
        return text
    return f"{' '.join(text[: most // 2].split())} … {' '.join(text[-most // 3 :].split())}"


VALUE = "a value"
OPERATOR = "an operator"
END = "the end of the statement"
TERMINALS = {
    "NAME": VALUE, "CALLEE": VALUE, "NUMBER": VALUE, "LPAR": VALUE, "LSQB": VALUE, "INDICATOR": VALUE,
    "LEFT_BAR": VALUE, "LEFT_BARS": VALUE, "DEL": VALUE, "LBRACE": VALUE,
    "MULTIPLY": OPERATOR, "ADD": OPERATOR, "HAT": OPERATOR, "TRANSPOSE": OPERATOR, "INVERSE_TRANSPOSE": OPERATOR,
    "EQUAL": OPERATOR, "COMPARE": OPERATOR, "SLASH": "`/`", "ASSIGN": "`=`",
    "RPAR": "`)`", "RSQB": "`]`", "RBRACE": "`}`", "RIGHT_BAR": "`|`", "RIGHT_BARS": "`||`",
    "COMMA": "`,`", "SPACE": "a space such as `R^3`", "_NEWLINE": END, "SEMICOLON": "`;`",
}  # fmt: skip
"""Terminals that are named to a reader; the others are never what a reader would miss."""

REMEDIES = {
    ",": "statements are separated by `;` or a newline",
    "&": "for two conditions at once multiply them: `1(a > b) 1(c > d)`",
    "%": "for a remainder write `mod(a, b)`; a comment begins with `#`",
    "²": "write `^2`", "³": "write `^3`", "⁻": "write `^-1`", "√": "write `sqrt(x)`", "×": "write `*`",
    "÷": "write `/`", "∑": "write `sum(x)`", "∏": "write the factors out, as in `x[0] x[1]`",
    "∇": "write `∂s/∂x`, or `grad(s, x)`",
    "→": "write `=`", "←": "write `=`", "∞": "a value is finite", "$": "write formulas without `$`",
    '"': "quotes stand around the labels of a vector only, as in `[\"New York\": 1, Rome: 2]`",
    "{": "group with round brackets; braces belong to exponents, as in `x^{2}`",
    "}": "group with round brackets; braces belong to exponents, as in `x^{2}`",
    "~": "for `not` write `1(x == 0)`", "!": "for `not equal` write `!=`",
    "\u037e": "write `;`", "\u0387": "write `·`",
}  # fmt: skip
"""What to write for a character that has no meaning in the language."""
