"""Choices to programs of the language, mostly well formed: all statements, operators, functions, notations.

Shapes are kept track of, so that most programs plan and run; one choice in many is wrong on purpose. Numbers are
those at which arithmetic has edges.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.choices import Choices

Shape = tuple[int, ...]

NUMBERS = (
    *("1", "2", "0", "-1", "0.5", "3", "-2", "-0.0", "1e-300", "1e308", "-1e308", "1e16", "5e-324", "1e-8", "710"),
    *("-745", "1e154", "1e200", "1.7976931348623157e308", "2.2250738585072014e-308", "0.1", "40", "-40", "1/3", "pi"),
    *("9007199254740993", "-1e-300", "1e-154", "20", "100", "-710", "36.7", "1.5", "-0.5", "1e-16", "0.999999999999"),
)  # fmt: skip
VALUES = ("x", "y", "z", "u", "v", "W", "A", "B", "b", "s", "h", "δ", "x_1", "ŷ", "T", "e", "p", "q", "X", "λ")
UNARY = (
    *("exp", "log", "log1p", "expm1", "sqrt", "cbrt", "square", "abs", "sign", "step", "floor", "ceil", "round", "sin"),
    *("cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "sigmoid"),
    *("σ", "softplus", "softsign", "relu", "leaky_relu", "elu", "silu", "erf", "gelu", "sinc"),
)  # fmt: skip
BINARY = ("max", "min", "hypot", "arctan2", "mod")
REDUCTIONS = ("sum", "mean", "norm", "norm1", "norminf", "logsumexp", "max", "min", "prod", "var", "std", "median")
OPERATORS = (" + ", " - ", " ∘ ", " .* ", " ./ ", " ⊙ ")
COMPARISONS = (" > ", " < ", " >= ", " <= ", " == ", " != ", " ≤ ", " ≠ ")
SIZES = (2, 3, 1, 2, 0, 4)
BODIES = (
    "1/(1 + exp(-t))", "t^2", "t sin(t)", "max(t, 0)", "1/t", "exp(t)", "t + 1", "log(t)", "sqrt(t)", "|t|", "t^t",
    "where(t > 0, log(t), -1)", "t", "2", "x + t", "f(t)", "sum(t)", "t^T t", "(∂t/∂t)", "g(g(t))",
)  # fmt: skip
STRANGE = (
    "x", "x'", "f'(x)", "f''(x)", "x[0]", "W[1, :]", "W[:, 0]", "x[-1]", "x[1:2]", "x[5]", "I", "zeros(2)",
    "ones(2, 3)", "eye(3)", "onehot(1, 3)", "u^T x", "A^-1", "A^2", "A^-T", "(x)", "-x", "+x", "2 x", "x 2", "∂s/∂x",
    "∂z/∂W", "[]", "[[]]", "[x, y]", "[x; y]", "[[1, 2], [3]]", "concat(x, y)", "stack(x, y)", "x^x", "0^0", "1/0",
    "W x + b", "nope(x)", "sum(x, axis=0)", "sum(W, axis=2)", "softmax(W)", "softmax(x)", "log_softmax(W, axis=1)",
    "cross_entropy(p, q)", "mse(x, y)", "diag(x)", "diag(A)", "vec(A)", "unvec(x, 2, 1)", "kron(x, y)", "x ⊗ y",
    "det(A)", "logdet(A)", "inv(A)", "solve(A, x)", "trace(A)", "cross(x, y)", "dot(x, y)", "outer(x, y)", "|x|",
    "‖x‖", "||x||_1", "||x||_inf", "1(x > y)", "where(x > 0, log(x), x)", "clip(x, 0, 1)", "∂/∂x (x^2)", "grad(s, x)",
    "d(s)/d(x)", "x**2", "x^{2}", "\\sigma(x)", "(∂/∂x (∂s/∂x))", "size(x)", "transpose(W)", "A^T", "x^T",
    "median(x)", "std(x)", "var(x)", "prod(x)", "x ./ x", "x / ‖x‖", "exp(x) / sum(exp(x))", "A (x + 1)^2", "f (x)",
    "u' (h)", "max(x)", "min(W, axis=0)", "norm(W, axis=1)", "adj(A)", "adj_change(A, B)", "kron_left(A, B)",
    "kron_right(A, B)", "A @ B", "A * B", "A / 2", "2 / A", "x .^ y", "x .^ 2", "2 .^ x", "(x - x)", "(s)^0.5",
    "s^-1", "(-2)^s", "-2^2", "2^3^2", "x[0] x[1]", "W[0][0]", "E[3, :]",
)  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A text and the shape that it should have."""

    text: str
    shape: Shape


def _shaped(*sizes: int) -> Shape:
    """A shape; a matrix of one column is a column."""
    return sizes[:1] if sizes[1:] == (1,) else sizes


@dataclass
class Author:
    """Writes one program."""

    choices: Choices
    statements: list[str] = field(default_factory=list)
    known: list[Piece] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    data: dict[str, object] = field(default_factory=dict)

    # ------------------------------------------------------------------------- statements

    def write(self) -> str:
        """The text of a program; `data` then holds what is given from outside."""
        c = self.choices
        for _ in range(c.below(2)):
            self._function()
        for _ in range(1 + c.below(3)):
            self._input()
        for name in self.functions[: c.below(3)]:
            self.statements.append(f"{self._name()} = {name}({c.pick(self.known).text})")
        for _ in range(1 + c.below(3)):
            self._equation()
        for _ in range(c.below(3)):
            self._other()
        if c.once_in(4):
            self.statements.reverse()
        return c.pick(("\n", "; ", "\n", "  # note\n")).join(self.statements)

    def _name(self) -> str:
        taken = {piece.text for piece in self.known}
        free = [name for name in VALUES if name not in taken]
        return self.choices.pick(free or VALUES)

    def _shape(self) -> Shape:
        c = self.choices
        n, m = c.pick(SIZES), c.pick(SIZES)
        return _shaped(*c.pick(((), (n,), (n, m), (1, n), (), (n,), (n, n))))

    def _input(self) -> None:
        c, name, shape = self.choices, self._name(), self._shape()
        self.known.append(Piece(name, shape))
        match c.below(12):
            case 6 | 8:
                self.data[name] = self._array(shape)
                self.statements.append(c.pick((f"{name} (input)", f"input {name}", self._in(name, shape))))
            case 7:
                self.statements.append(self._in(name, shape))
                if not c.once_in(4):
                    self.data[name] = self._array(shape)
            case 5 if len(shape) == 1 and shape[0]:
                entries = (f"{label}: {self._number()}" for label in ("in", "Paris", '"a b"', "x")[: shape[0]])
                self.statements.append(f"{name} = [{', '.join(entries)}]")
            case _:
                self.statements.append(f"{name} = {self._literal(shape)}")

    def _in(self, name: str, shape: Shape) -> str:
        sizes = [str(s) if s and not self.choices.once_in(3) else "n" for s in shape]
        if not sizes:
            return f"{name} ∈ R"
        return f"{name} in R^{sizes[0]}" if len(sizes) == 1 else f"{name} ∈ R^{{{'×'.join(sizes)}}}"

    def _array(self, shape: Shape) -> object:
        if not shape:
            return self._float()
        if len(shape) == 1:
            return [self._float() for _ in range(shape[0])]
        return [[self._float() for _ in range(shape[1])] for _ in range(shape[0])]

    def _float(self) -> float:
        text = self.choices.pick(NUMBERS)
        return {"pi": 3.14, "1/3": 1 / 3}[text] if text in ("pi", "1/3") else float(text)

    def _number(self) -> str:
        return self.choices.pick(NUMBERS)

    def _literal(self, shape: Shape) -> str:
        if not shape:
            return self._number()
        if len(shape) == 1:
            return f"[{', '.join(self._number() for _ in range(shape[0]))}]"
        rows = [", ".join(self._number() for _ in range(shape[1])) for _ in range(shape[0])]
        if not shape[0]:
            return f"zeros(0, {shape[1]})"
        return f"[{'; '.join(rows)}]" if shape[0] > 1 and shape[1] else f"[[{'], ['.join(rows)}]]"

    def _function(self) -> None:
        c = self.choices
        name = ("f", "g")[len(self.functions) % 2]
        body = c.pick((c.pick(UNARY), c.pick(BODIES), c.pick(UNARY), c.pick(BODIES), ""))
        if body:
            self.statements.append(f"{name} = {body}" if body in UNARY else f"{name}(t) = {body}")
        self.functions.append(name)

    def _equation(self) -> None:
        c = self.choices
        made = self.expression(self._shape(), 1 + c.below(3))
        name = self._name()
        self.statements.append(f"{name} = {made.text}")
        self.known.append(Piece(name, made.shape))

    def _other(self) -> None:
        """A claim, a derivative, a layout, entries of a value, a strange expression, a function of several."""
        c = self.choices
        of, by = c.pick(self.known), c.pick(self.known)
        match c.below(8):
            case 0:
                self.statements.append(f"{of.text} == {self.expression(of.shape, 2).text}")
            case 1:
                self.statements.append(f"{self._name()} = {self._derivative(of, by)}")
            case 2:
                self.statements.append(f"{self._derivative(of, by)} == {self.expression(by.shape, 2).text}")
            case 3:
                self.statements.append(c.pick(("@layout numerator", "@layout shape")))
            case 4:
                self.statements.append(f"{self._name()} = {of.text}[{self._index(of.shape)}]")
            case 5:
                self.statements.append(f"{self._name()} = {self._strange()}")
            case 6:
                self.statements.append(f"{self._strange()} == {self._strange()}")
            case _:
                body = self.expression((), 3).text
                self.statements.append(f"F({of.text}, {by.text}) = {body}" if of != by else f"F({of.text}) = {body}")

    def _strange(self) -> str:
        """An expression that is seldom written, its names mostly those of the program."""
        text = self.choices.pick(STRANGE)
        if self.choices.once_in(8):
            return text
        return re.sub(r"\b[a-zA-Z]\b(?!')", lambda m: self._renamed(m.group()), text)

    def _renamed(self, word: str) -> str:
        return word if word in "ITd" else self.choices.pick(self.known).text

    def _derivative(self, of: Piece, by: Piece) -> str:
        forms = (
            f"∂{of.text}/∂{by.text}", f"grad({of.text}, {by.text})", f"d({of.text})/d({by.text})",
            f"∂/∂{by.text} ({of.text} + {by.text})", f"∂(∂{of.text}/∂{by.text})/∂{by.text}",
        )  # fmt: skip
        return self.choices.pick(forms)

    def _index(self, shape: Shape) -> str:
        one = ("0", "1", ":", "0:1", "-1", "1:", ":2", "s", "2")
        return ", ".join(self.choices.pick(one) for _ in range(max(1, len(shape))))

    # ------------------------------------------------------------------------ expressions

    def expression(self, shape: Shape, depth: int) -> Piece:
        """An expression that should have a shape."""
        c = self.choices
        if depth <= 0:
            return self._leaf(shape)
        if c.once_in(40):
            return Piece(f"({self._strange()})", shape)
        makers: list[Callable[[Shape, int], str]] = [
            self._leaf_text, self._unary, self._sum, self._scaled, self._power, self._where, self._elementwise,
            self._called, self._quotient, self._table, self._two, self._negative,
        ]  # fmt: skip
        if shape == ():
            makers += [self._reduced, self._reduced, self._inner, self._matrix_scalar, self._norm, self._loss]
        elif len(shape) == 1:
            makers += [self._layer, self._softmax, self._across, self._entries, self._solve, self._layer]
        else:
            makers += [self._product, self._transposed, self._outer, self._softmax, self._product, self._square]
        return Piece(c.pick(makers)(shape, depth - 1), shape)

    def _leaf_text(self, shape: Shape, depth: int) -> str:
        return self._leaf(shape).text

    def _leaf(self, shape: Shape) -> Piece:
        """A known value of the shape if there is one, else numbers; sometimes whatever there is."""
        c = self.choices
        fitting = [p for p in self.known if p.shape == shape]
        if fitting and not c.once_in(6):
            return c.pick(fitting)
        if self.known and c.once_in(24):
            return c.pick(self.known)
        return Piece(self._literal(shape) if shape or c.once_in(3) else f"({self._number()})", shape)

    def _part(self, shape: Shape, depth: int) -> str:
        text = self.expression(shape, depth).text
        return text if text.isidentifier() else f"({text})"

    def _unary(self, shape: Shape, depth: int) -> str:
        return f"{self.choices.pick(UNARY)}({self.expression(shape, depth).text})"

    def _called(self, shape: Shape, depth: int) -> str:
        name = self.choices.pick(self.functions or UNARY)
        primes = self.choices.pick(("", "", "'", "''"))
        return f"{name}{primes}({self.expression(shape, depth).text})"

    def _negative(self, shape: Shape, depth: int) -> str:
        return f"-{self._part(shape, depth)}"

    def _sum(self, shape: Shape, depth: int) -> str:
        sign = self.choices.pick((" + ", " - "))
        return f"{self._part(shape, depth)}{sign}{self._part(shape, depth)}"

    def _scaled(self, shape: Shape, depth: int) -> str:
        return f"{self._part((), depth)}{self.choices.pick((' ', ' * ', ' · '))}{self._part(shape, depth)}"

    def _quotient(self, shape: Shape, depth: int) -> str:
        return f"{self._part(shape, depth)} / {self._part((), depth)}"

    def _power(self, shape: Shape, depth: int) -> str:
        operator = "^" if shape == () else " .^ "
        exponent = self._part((), depth) if self.choices.once_in(3) else self.choices.pick(("2", "3", "-1", "0.5", "0"))
        return f"{self._part(shape, depth)}{operator}{exponent}"

    def _elementwise(self, shape: Shape, depth: int) -> str:
        return f"{self._part(shape, depth)}{self.choices.pick(OPERATORS)}{self._part(shape, depth)}"

    def _two(self, shape: Shape, depth: int) -> str:
        return f"{self.choices.pick(BINARY)}({self._part(shape, depth)}, {self._part(shape, depth)})"

    def _where(self, shape: Shape, depth: int) -> str:
        condition = f"{self._part(shape, depth - 1)}{self.choices.pick(COMPARISONS)}{self._part(shape, depth - 1)}"
        if self.choices.once_in(4):
            return f"1({condition})"
        return f"where({condition}, {self._part(shape, depth)}, {self._part(shape, depth)})"

    def _table(self, shape: Shape, depth: int) -> str:
        """A literal with expressions in it, or a constant array."""
        if shape == ():
            return f"({self.expression(shape, depth).text})"
        if len(shape) == 1:
            if self.choices.once_in(3):
                return self.choices.pick((f"ones({shape[0]})", f"zeros({shape[0]})", f"onehot(0, {shape[0]})"))
            return f"[{', '.join(self.expression((), depth - 1).text for _ in range(shape[0]))}]"
        if shape[0] == shape[1] and self.choices.once_in(3):
            return f"eye({shape[0]})"
        return f"ones({shape[0]}, {shape[1]})"

    def _axis(self, shape: Shape) -> str:
        return self.choices.pick((", axis=1", ", axis=0")) if len(shape) == 2 and shape[0] != 1 else ""

    def _reduced(self, shape: Shape, depth: int) -> str:
        return f"{self.choices.pick(REDUCTIONS)}({self.expression(self._shape(), depth).text})"

    def _across(self, shape: Shape, depth: int) -> str:
        name, n = self.choices.pick(REDUCTIONS), self.choices.pick(SIZES)
        return f"{name}({self.expression(_shaped(shape[0], n), depth).text}, axis=1)"

    def _softmax(self, shape: Shape, depth: int) -> str:
        name = self.choices.pick(("softmax", "log_softmax"))
        return f"{name}({self.expression(shape, depth).text}{self._axis(shape)})"

    def _inner(self, shape: Shape, depth: int) -> str:
        n = self.choices.pick(SIZES)
        left, right = self._part((n,), depth), self._part((n,), depth)
        return self.choices.pick((f"{left}^T {right}", f"dot({left}, {right})", f"{left}' {right}"))

    def _matrix_scalar(self, shape: Shape, depth: int) -> str:
        n = self.choices.pick(SIZES)
        return f"{self.choices.pick(('det', 'logdet', 'trace', 'tr'))}({self.expression(_shaped(n, n), depth).text})"

    def _norm(self, shape: Shape, depth: int) -> str:
        text = self.expression(self._shape(), depth).text
        return self.choices.pick(
            (f"‖{text}‖", f"norm({text})^2", f"norm1({text})", f"norminf({text})", f"norm({text})")
        )

    def _loss(self, shape: Shape, depth: int) -> str:
        within = self._shape()
        left, right = self.expression(within, depth).text, self.expression(within, depth).text
        name = self.choices.pick(("mse", "cross_entropy"))
        return f"{name}({left}, {right})" if name == "mse" else f"{name}(softmax({left}), {right})"

    def _layer(self, shape: Shape, depth: int) -> str:
        n = self.choices.pick(SIZES)
        return f"{self._part(_shaped(shape[0], n), depth)} {self._part((n,), depth)}"

    def _entries(self, shape: Shape, depth: int) -> str:
        """A part of a matrix or of joined vectors."""
        n = shape[0]
        matrix, vector = self._part(_shaped(n, n), depth), self._part((n,), depth)
        forms = (f"diag({matrix})", f"{matrix}[:, 0]", f"concat({vector}, {vector})[0:{n}]", f"{matrix}[0, :]^T")
        return self.choices.pick((*forms, f"vec({vector})", f"cross({vector}, {vector})"))

    def _solve(self, shape: Shape, depth: int) -> str:
        matrix, vector = self._part(_shaped(shape[0], shape[0]), depth), self._part(shape, depth)
        return self.choices.pick((f"solve({matrix}, {vector})", f"{matrix}^-1 {vector}", f"{matrix}^-T {vector}"))

    def _product(self, shape: Shape, depth: int) -> str:
        n = self.choices.pick(SIZES)
        operator = self.choices.pick((" ", " @ ", " * "))
        return f"{self._part(_shaped(shape[0], n), depth)}{operator}{self._part(_shaped(n, shape[1]), depth)}"

    def _transposed(self, shape: Shape, depth: int) -> str:
        inner = _shaped(*shape[::-1])
        return f"{self._part(inner, depth)}{self.choices.pick(('^T', 'ᵀ', chr(39)))}"

    def _outer(self, shape: Shape, depth: int) -> str:
        left, right = self._part((shape[0],), depth), self._part((shape[1],), depth)
        return self.choices.pick((f"{left} {right}^T", f"outer({left}, {right})", f"{left} ⊗ {right}^T"))

    def _square(self, shape: Shape, depth: int) -> str:
        """What only square matrices have."""
        if shape[0] != shape[1]:
            return f"stack({', '.join(self.expression((shape[1],), depth - 1).text for _ in range(shape[0]))})"
        matrix = self._part(shape, depth)
        forms = (f"{matrix}^2", f"inv({matrix})", f"{matrix}^-1", f"{matrix}^3", f"adj({matrix})", f"{matrix} + I")
        return self.choices.pick((*forms, f"diag(diag({matrix}))", f"{matrix}^0", f"{matrix}^-2"))
