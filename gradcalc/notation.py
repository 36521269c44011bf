"""How nodes are printed: one precedence for all, in plain text that parses back and in LaTeX.

An operation's notation takes the pieces of its operands and a style and returns a piece; `render` walks a
graph without recursion and stops at nodes that have a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

from msgspec import Struct

from gradcalc.graph import Node, Shape, Size


class Level(IntEnum):
    """How tightly a piece holds together, loosest first.

    The parser reads all products from left to right; a printed product of mixed kinds has brackets all the
    same, because readers differ.
    """

    COMPARE = 0
    SUM = 1
    SIGNED = 2
    HADAMARD = 3
    QUOTIENT = 4
    PRODUCT = 5
    POWER = 6
    ATOM = 7


class Piece(Struct, frozen=True):
    """A printed expression and how tightly it holds together."""

    text: str
    level: Level


class Style:
    """Plain text, as a lecture is typed. `Latex` overrides what differs."""

    ties = False
    """Whether the shares of max and min are printed with what they are where entries tie."""
    hadamard, kron, at_most, at_least, unequal, equal = "∘", "⊗", "<=", ">=", "!=", "=="

    def name(self, text: str) -> str:
        return text

    def number(self, text: str) -> Piece:
        """A number in digits, or a quotient such as 2/3."""
        return Piece(text, Level.SIGNED if text.startswith("-") else Level.QUOTIENT if "/" in text else Level.ATOM)

    def function(self, name: str, primes: int = 0) -> str:
        return name + "'" * primes

    def brackets(self, text: str) -> str:
        return f"({text})"

    def transposed(self, text: str) -> str:
        return f"{text}^T"

    def inverse(self, text: str, transpose: bool) -> str:
        return f"{text}^-{'T' if transpose else '1'}"

    def power(self, base: str, exponent: Piece, elementwise: bool) -> str:
        atom = exponent.level == Level.ATOM and not exponent.text.endswith("^T")
        plain = atom or re.fullmatch(r"-\d+(\.\d+)?", exponent.text)
        text = exponent.text if plain else self.brackets(exponent.text)
        return f"{base} .^ {text}" if elementwise else f"{base}^{text}"

    def quotient(self, above: Piece, below: Piece, elementwise: bool) -> Piece:
        left, right = self.enclose(above, Level.QUOTIENT), self.enclose(below, Level.POWER)
        if elementwise:
            return Piece(f"{left} ./ {right}", Level.QUOTIENT)
        tight = above.level >= Level.POWER and below.level >= Level.POWER
        return Piece(f"{left}/{right}" if tight else f"{left} / {right}", Level.QUOTIENT)

    def call(self, name: str, arguments: Sequence[str]) -> Piece:
        """A function of the table, applied."""
        return applied(self.function(name), arguments, self)

    def norm(self, text: str, kind: str) -> str:
        if "‖" in text or "|" in text:
            return f"norm{'' if kind == '2' else kind}({text})"
        return f"‖{text}‖" + ("" if kind == "2" else f"_{kind}")

    def absolute(self, text: str) -> str:
        return f"abs({text})" if "‖" in text or "|" in text else f"|{text}|"

    def indicator(self, text: str) -> str:
        return f"1({text})"

    def derivative(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def identity(self, size: Size) -> Piece:
        return Piece("I", Level.ATOM)

    def member(self, name: str, shape: Shape) -> str:
        return f"{name} ∈ R" + (f"^{{{'×'.join(map(str, shape))}}}" if shape else "")

    def enclose(self, piece: Piece, level: Level) -> str:
        """The text, in brackets if it holds together less tightly than `level`."""
        return piece.text if piece.level >= level else self.brackets(piece.text)

    def juxtaposed(self, left: Piece, right: Piece) -> Piece:
        """`a b`; with `*` where the right one begins so that it would be read as something else."""
        a, b = self.enclose(left, Level.PRODUCT), self.enclose(right, Level.POWER)
        digit = b[:1].isdigit() and not re.match(r"1\(", b)
        between = " * " if digit or b[:1] == "[" else " "
        return Piece(f"{a}{between}{b}", Level.PRODUCT)


class Explicit(Style):
    """Plain text in which the identity shows its size, for equations and where `I` is a name of the user's."""

    def identity(self, size: Size) -> Piece:
        return Piece(f"eye({size})", Level.ATOM)


_LATEX_NAMES = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ϑ": "vartheta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "varsigma", "τ": "tau", "υ": "upsilon", "φ": "varphi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi",
    "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_LATEX_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot", "\u0308": "ddot",
                  "\u0301": "acute", "\u0300": "grave", "\u030c": "check"}  # fmt: skip
_LATEX_FUNCTIONS = {
    **{name: "\\" + name for name in ("exp", "log", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh",
                                      "tanh", "max", "min", "det")},
    "sigmoid": r"\sigma",
    "logdet": r"\log\det",
}  # fmt: skip
_LATEX_BRACKETS = {
    "sqrt": (r"\sqrt{", "}"),
    "cbrt": (r"\sqrt[3]{", "}"),
    "floor": (r"\left\lfloor ", r" \right\rfloor"),
    "ceil": (r"\left\lceil ", r" \right\rceil"),
}


class Latex(Style):
    """LaTeX, for amsmath."""

    hadamard, kron, at_most, at_least, unequal = r"\circ", r"\otimes", r"\le", r"\ge", r"\ne"
    equal = "="

    def name(self, text: str) -> str:
        import unicodedata

        plain = text.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
        head, _, tail = plain.partition("_")
        digits = re.fullmatch(r"([^\d]+)(\d+)", head)
        if digits and not tail:
            head, tail = digits.groups()
        out: list[str] = []
        for char in unicodedata.normalize("NFD", head):
            if char in _LATEX_ACCENTS and out:
                out[-1] = rf"\{_LATEX_ACCENTS[char]}{{{out[-1]}}}"
            elif not unicodedata.combining(char):
                out.append(rf"\{_LATEX_NAMES[char]}" if char in _LATEX_NAMES else char)
        word = "".join(out)
        word = rf"\mathrm{{{word}}}" if len(out) > 1 and "\\" not in word else word
        below = "".join(rf"\{_LATEX_NAMES[c]} " if c in _LATEX_NAMES else c for c in tail).strip()
        below = below.replace("_", r"\_")
        return f"{word}_{{{below}}}" if tail else word

    def number(self, text: str) -> Piece:
        mantissa, _, exponent = text.lower().partition("e")
        if not exponent:
            return super().number(text)
        level = Level.SIGNED if text.startswith("-") else Level.PRODUCT
        return Piece(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", level)

    def function(self, name: str, primes: int = 0) -> str:
        if name in _LATEX_FUNCTIONS:
            word = _LATEX_FUNCTIONS[name]
        elif len(name) == 1:
            word = self.name(name)
        else:
            word = rf"\operatorname{{{name.replace('_', chr(92) + '_')}}}"
        return word + "'" * primes

    def brackets(self, text: str) -> str:
        return rf"\left({text}\right)"

    def call(self, name: str, arguments: Sequence[str]) -> Piece:
        if name in _LATEX_BRACKETS and len(arguments) == 1:
            left, right = _LATEX_BRACKETS[name]
            return Piece(f"{left}{arguments[0]}{right}", Level.ATOM)
        return super().call(name, arguments)

    def transposed(self, text: str) -> str:
        return f"{{{text}}}^{{T}}"

    def inverse(self, text: str, transpose: bool) -> str:
        return f"{{{text}}}^{{-{'T' if transpose else '1'}}}"

    def power(self, base: str, exponent: Piece, elementwise: bool) -> str:
        entrywise = r"\circ " if elementwise else ""
        return f"{{{base}}}^{{{entrywise}{exponent.text}}}"

    def quotient(self, above: Piece, below: Piece, elementwise: bool) -> Piece:
        if elementwise:
            left, right = self.enclose(above, Level.QUOTIENT), self.enclose(below, Level.POWER)
            return Piece(rf"{left} \oslash {right}", Level.QUOTIENT)
        return Piece(rf"\frac{{{above.text}}}{{{below.text}}}", Level.PRODUCT)

    def norm(self, text: str, kind: str) -> str:
        below = {"2": "", "1": "_1", "inf": r"_\infty"}[kind]
        return rf"\left\lVert {text} \right\rVert{below}"

    def absolute(self, text: str) -> str:
        return rf"\left\lvert {text} \right\rvert"

    def indicator(self, text: str) -> str:
        return rf"\mathbf{{1}}\left({text}\right)"

    def derivative(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    def member(self, name: str, shape: Shape) -> str:
        sizes = r" \times ".join(map(str, shape))
        return rf"{name} \in \mathbf{{R}}" + (f"^{{{sizes}}}" if shape else "")

    def juxtaposed(self, left: Piece, right: Piece) -> Piece:
        a, b = self.enclose(left, Level.PRODUCT), self.enclose(right, Level.POWER)
        between = r" \cdot " if b[:1].isdigit() else r" \, " if b[:1] != "\\" else " "
        return Piece(f"{a}{between}{b}", Level.PRODUCT)


TEXT, EXPLICIT, LATEX = Style(), Explicit(), Latex()

Notation = Callable[[Node, Sequence[Piece], Style], Piece]


def call(name: str) -> Notation:
    """`name(a, b)`."""

    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        arguments = [p.text for p in pieces]
        if node.attributes.get("axis") is not None:
            arguments.append(f"axis={node.attributes['axis']}")
        return style.call(name, arguments)

    return notation


def applied(function: str, arguments: Sequence[str], style: Style) -> Piece:
    """A function before its arguments in brackets."""
    return Piece(function + style.brackets(", ".join(arguments)), Level.ATOM)


def format_size(size: Size) -> str:
    """A size as it is printed."""
    return str(size)


def sizes(name: str, values: Sequence[Size], style: Style) -> Piece:
    """`eye(3)`, `ones(2, 3)`."""
    return applied(style.function(name), [str(v) for v in values], style)


def hadamard(left: Piece, right: Piece, style: Style) -> Piece:
    """`a ∘ b`."""
    a = left.text if left.level in (Level.HADAMARD,) else style.enclose(left, Level.POWER)
    return Piece(f"{a} {style.hadamard} {style.enclose(right, Level.POWER)}", Level.HADAMARD)


def transposed(piece: Piece, style: Style) -> Piece:
    """`a^T`; of an inverse `A^-T`."""
    for end in ("^-1", "^{-1}"):
        if piece.level == Level.POWER and piece.text.endswith(end):
            return Piece(piece.text.removesuffix(end) + end.replace("1", "T"), Level.POWER)
    return Piece(style.transposed(style.enclose(piece, Level.ATOM)), Level.ATOM)


def negated(piece: Piece, style: Style) -> Piece:
    """`-a`."""
    return Piece("-" + style.enclose(piece, Level.HADAMARD), Level.SIGNED)


def total(signs: Sequence[int], pieces: Sequence[Piece], style: Style) -> Piece:
    """`a + b - c`."""
    words: list[str] = []
    for sign, piece in zip(signs, pieces, strict=True):
        text = style.enclose(piece, Level.SUM if not words and sign > 0 else Level.HADAMARD)
        if words:
            words.append(" + " if sign > 0 else " - ")
        elif sign < 0:
            words.append("-")
        words.append(text)
    return Piece("".join(words), Level.SUM)


def _bare(node: Node, known: Mapping[Node, str | Piece]) -> list[bool]:
    """For each operand, whether it stretches to the others' shape without being told."""
    stretched = [i.op == "stretch" and i not in known for i in node.inputs]
    whole = any(i.shape == node.shape and not s for i, s in zip(node.inputs, stretched, strict=True))
    return stretched if node.operation.entrywise and whole else [False] * len(stretched)


SIZING = ("matmul", "add", "scale", "negative", "kron", "multiply", "transpose")
"""Operations whose other operand tells a reader the size of `I`."""


def _sized(operand: Node, piece: Piece, known: Mapping[Node, str | Piece], style: Style) -> Piece:
    """An identity with its size, where nothing beside it tells the size."""
    if operand.op != "eye" or operand in known:
        return piece
    return sizes("eye", [operand.attributes["size"]], style)


def render(root: Node, style: Style = TEXT, names: Mapping[Node, str | Piece] | None = None) -> Piece:
    """Print a node, with the nodes in `names` by their names or pieces (the root itself spelt out)."""
    known = names or {}
    done: dict[Node, Piece] = {}
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if node is not root and node in known:
            name = known[node]
            done[node] = name if isinstance(name, Piece) else Piece(style.name(name), Level.ATOM)
        elif ready:
            pieces = [done[i.inputs[0] if bare else i] for i, bare in zip(node.inputs, _bare(node, known), strict=True)]
            if node.op not in SIZING:
                pieces = [_sized(i, piece, known, style) for i, piece in zip(node.inputs, pieces, strict=True)]
            done[node] = node.operation.notation(node, pieces, style)
        else:
            stack.append((node, True))
            stack.extend((i, False) for i in node.inputs if i not in done)
    return done[root]


def as_written(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    """The notation of an operation that is written in others."""
    return render(node.spelt, style, dict(zip(node.inputs, pieces, strict=True)))
