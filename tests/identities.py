"""Identities of the literature on matrix derivatives, as claims without data.

Each text states the shapes of its inputs, sizes as symbols where the identity holds for any size, and ends with one
claim. `wrong` are right sides that do not hold in general: a factor or a term missing, a wrong sign, a transpose too
many or too few, factors in the wrong order.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """An identity: a name, where it is from, its text, and right sides in place of the last one that are wrong."""

    name: str
    source: str
    text: str
    wrong: tuple[str, ...]

    def variants(self) -> tuple[str, ...]:
        """The texts with a wrong right side."""
        left = self.text[: self.text.rindex("==")]
        return tuple(f"{left}== {right}" for right in self.wrong)


COOKBOOK = "Petersen and Pedersen, The Matrix Cookbook (2012)"
MAGNUS = "Magnus and Neudecker, Matrix Differential Calculus with Applications in Statistics and Econometrics (1988)"
MINKA = "Minka, Old and New Matrix Algebra Useful for Statistics (2000)"
GILES = "Giles, Collected Matrix Derivative Results for Forward and Reverse Mode Algorithmic Differentiation (2008)"
BOYD = "Boyd and Vandenberghe, Convex Optimization (2004)"
DEEP = "Goodfellow, Bengio and Courville, Deep Learning (2016)"
BISHOP = "Bishop, Pattern Recognition and Machine Learning (2006)"
GOLUB = "Golub and Van Loan, Matrix Computations (2013)"
HORN = "Horn and Johnson, Topics in Matrix Analysis (1991)"
HORN_ANALYSIS = "Horn and Johnson, Matrix Analysis (2013)"
NOCEDAL = "Nocedal and Wright, Numerical Optimization (2006)"
SPIVAK = "Spivak, Calculus (2008)"
ABRAMOWITZ = "Abramowitz and Stegun, Handbook of Mathematical Functions (1964)"


def cookbook(equation: int) -> str:
    """An equation of the Matrix Cookbook."""
    return f"{COOKBOOK}, eq. {equation}"


LINEAR_AND_QUADRATIC = (
    Identity("linear form", cookbook(69), "a, x ∈ R^n; ∂/∂x (x^T a) == a", ("x", "-a", "a^T")),
    Identity(
        "linear form, the other order",
        cookbook(69),
        "a in R^n; x in R^n; s = a^T x; ∂s/∂x == a",
        ("2 a", "x", "a^T"),
    ),
    Identity(
        "bilinear form by its matrix",
        cookbook(70),
        "a ∈ R^m; b ∈ R^n; X ∈ R^{m×n}; ∂/∂X (a^T X b) == a b^T",
        ("b a^T", "-a b^T", "X b b^T"),
    ),
    Identity(
        "bilinear form by its transposed matrix",
        cookbook(71),
        "a ∈ R^n; b ∈ R^m; X ∈ R^{m×n}; ∂/∂X (a^T X^T b) == b a^T",
        ("a b^T", "-b a^T", "2 b a^T"),
    ),
    Identity(
        "quadratic form by its matrix",
        cookbook(72),
        "a ∈ R^n; X ∈ R^{n×n}; ∂/∂X (a^T X a) == a a^T",
        ("2 a a^T", "X a a^T", "a^T a"),
    ),
    Identity(
        "quadratic form by its transposed matrix",
        cookbook(72),
        "a ∈ R^n; X ∈ R^{n×n}; ∂/∂X (a^T X^T a) == a a^T",
        ("-a a^T", "X^T a a^T"),
    ),
    Identity(
        "square of the sum of the entries",
        cookbook(76),
        "X ∈ R^{m×n}; s = sum(X)^2; ∂s/∂X == 2 sum(X) (0 X + 1)",
        ("sum(X) (0 X + 1)", "2 X", "2 sum(X) X"),
    ),
    Identity(
        "two vectors and a product with its transpose",
        cookbook(77),
        "b, c ∈ R^n; X ∈ R^{m×n}; ∂/∂X (b^T X^T X c) == X (b c^T + c b^T)",
        ("2 X b c^T", "X (b c^T - c b^T)", "X b c^T", "X c b^T"),
    ),
    Identity(
        "two affine maps",
        cookbook(78),
        """B ∈ R^{m×n}; C ∈ R^{m×p}; D ∈ R^{p×n}; x ∈ R^n; b ∈ R^m; d ∈ R^p
        s = (B x + b)^T C (D x + d)
        ∂s/∂x == B^T C (D x + d) + D^T C^T (B x + b)""",
        (
            "B^T C (D x + d)",
            "B^T C (D x + d) - D^T C^T (B x + b)",
            "B^T C (D x + d) + D^T C^T B x",
            "2 B^T C (D x + d)",
        ),
    ),
    Identity(
        "quadratic form",
        cookbook(81),
        "x ∈ R^n; B ∈ R^{n×n}; s = x^T B x; ∂s/∂x == (B + B^T) x",
        ("2 B x", "2 B^T x", "(B - B^T) x", "x^T (B + B^T)"),
    ),
    Identity(
        "quadratic form of a product",
        cookbook(82),
        "b, c ∈ R^n; X ∈ R^{m×n}; D ∈ R^{m×m}; ∂/∂X (b^T X^T D X c) == D^T X b c^T + D X c b^T",
        ("D X b c^T + D X c b^T", "D^T X b c^T", "D^T X b c^T - D X c b^T"),
    ),
    Identity(
        "quadratic form of an affine map, by the matrix",
        cookbook(83),
        """X ∈ R^{m×n}; b ∈ R^n; c ∈ R^m; D ∈ R^{m×m}
        s = (X b + c)^T D (X b + c)
        ∂s/∂X == (D + D^T) (X b + c) b^T""",
        ("2 D (X b + c) b^T", "(D + D^T) X b b^T", "(D + D^T) (X b - c) b^T"),
    ),
    Identity(
        "weighted residual by the parameters",
        cookbook(84),
        """x ∈ R^m; A ∈ R^{m×n}; s ∈ R^n; B ∈ R^{m×m}
        W = B + B^T
        e = x - A s
        L = e^T W e
        ∂L/∂s == -2 A^T W (x - A s)""",
        ("2 A^T W (x - A s)", "-A^T W (x - A s)", "-2 A^T (x - A s)", "-2 A^T W x"),
    ),
    Identity(
        "weighted distance by the first point",
        cookbook(85),
        "x, s ∈ R^n; B ∈ R^{n×n}; W = B^T B; d = (x - s)^T W (x - s); ∂d/∂x == 2 W (x - s)",
        ("W (x - s)", "-2 W (x - s)", "2 B (x - s)"),
    ),
    Identity(
        "weighted distance by the second point",
        cookbook(86),
        "x, s ∈ R^n; B ∈ R^{n×n}; W = B^T B; d = (x - s)^T W (x - s); ∂d/∂s == -2 W (x - s)",
        ("-W (x - s)", "2 W (x - s)", "-2 W x"),
    ),
    Identity(
        "weighted residual by the data",
        cookbook(87),
        """x ∈ R^m; A ∈ R^{m×n}; s ∈ R^n; B ∈ R^{m×m}
        W = B + B^T
        L = (x - A s)^T W (x - A s)
        ∂L/∂x == 2 W (x - A s)""",
        ("W (x - A s)", "2 W (x + A s)", "2 W x"),
    ),
    Identity(
        "weighted residual by the matrix",
        cookbook(88),
        """x ∈ R^m; A ∈ R^{m×n}; s ∈ R^n; B ∈ R^{m×m}
        W = B + B^T
        L = (x - A s)^T W (x - A s)
        ∂L/∂A == -2 W (x - A s) s^T""",
        ("2 W (x - A s) s^T", "-2 W x s^T", "-2 (x - A s) s^T"),
    ),
    Identity(
        "square of a power of a matrix between vectors",
        cookbook(91),
        "a, b ∈ R^n; X ∈ R^{n×n}; ∂/∂X (a^T X^2 b) == a b^T X^T + X^T a b^T",
        ("2 X^T a b^T", "a b^T X + X a b^T", "a b^T X^T", "a b^T X^T - X^T a b^T"),
    ),
    Identity(
        "third power of a matrix between vectors",
        cookbook(91),
        """a, b ∈ R^n; X ∈ R^{n×n}
        ∂/∂X (a^T X^3 b) == a b^T (X^2)^T + X^T a b^T X^T + (X^2)^T a b^T""",
        ("3 (X^2)^T a b^T", "a b^T (X^2)^T + (X^2)^T a b^T", "a b^T X^2 + X a b^T X + X^2 a b^T"),
    ),
    Identity(
        "bilinear form of two functions of a vector",
        cookbook(93),
        """x ∈ R^n; A ∈ R^{m×p}; P ∈ R^{m×n}; Q ∈ R^{p×n}
        s = sin(P x)
        r = exp(Q x / 9)
        g = s^T A r
        ∂g/∂x == (∂s/∂x)^T A r + (∂r/∂x)^T A^T s""",
        ("(∂s/∂x)^T A r", "(∂s/∂x)^T A r - (∂r/∂x)^T A^T s", "(∂r/∂x)^T A^T s"),
    ),
    Identity(
        "quotient of quadratic forms",
        cookbook(94),
        """x ∈ R^n; A ∈ R^{m×n}; B ∈ R^{p×n}
        g = ((A x)^T (A x)) / ((B x)^T (B x))
        ∂g/∂x == 2 A^T A x / (x^T B^T B x) - 2 (x^T A^T A x) B^T B x / (x^T B^T B x)^2""",
        (
            "2 A^T A x / (x^T B^T B x)",
            "2 A^T A x / (x^T B^T B x) + 2 (x^T A^T A x) B^T B x / (x^T B^T B x)^2",
            "2 A^T A x / (x^T B^T B x) - (x^T A^T A x) B^T B x / (x^T B^T B x)^2",
        ),
    ),
    Identity(
        "gradient of a quadratic function",
        cookbook(97),
        "x, b ∈ R^n; A ∈ R^{n×n}; s = x^T A x + b^T x; ∂s/∂x == (A + A^T) x + b",
        ("2 A x + b", "(A + A^T) x", "(A + A^T) x - b"),
    ),
    Identity(
        "Hessian of a quadratic function",
        cookbook(98),
        "x, b ∈ R^n; A ∈ R^{n×n}; s = x^T A x + b^T x; ∂/∂x (∂s/∂x) == A + A^T",
        ("2 A", "A^T", "A - A^T"),
    ),
    Identity(
        "gradient of half a symmetric quadratic form",
        f"{BOYD}, section A.4.1",
        "x, q ∈ R^n; B ∈ R^{n×n}; P = B^T B; s = 1/2 x^T P x + q^T x; ∂s/∂x == P x + q",
        ("2 P x + q", "P x", "P x - q", "B x + q"),
    ),
    Identity(
        "first differential of a quadratic form",
        f"{MAGNUS}, chapter 9",
        "x ∈ R^n; A ∈ R^{n×n}; @layout numerator; s = x^T A x; ∂s/∂x == x^T (A + A^T)",
        ("2 x^T A", "(A + A^T) x", "x^T (A - A^T)"),
    ),
    Identity(
        "bilinear form by the left vector",
        f"{MINKA}, section on derivatives",
        "x ∈ R^m; y ∈ R^n; A ∈ R^{m×n}; s = x^T A y; ∂s/∂x == A y",
        ("-A y", "2 A y", "y^T A^T"),
    ),
    Identity(
        "bilinear form by the right vector",
        f"{MINKA}, section on derivatives",
        "x ∈ R^m; y ∈ R^n; A ∈ R^{m×n}; s = x^T A y; ∂s/∂y == A^T x",
        ("-A^T x", "x^T A", "2 A^T x"),
    ),
    Identity(
        "Rayleigh quotient",
        f"{HORN_ANALYSIS}, section 4.2",
        """x ∈ R^n; B ∈ R^{n×n}
        A = B + B^T
        r = (x^T A x) / (x^T x)
        ∂r/∂x == 2 (A x - r x) / (x^T x)""",
        ("2 A x / (x^T x)", "(A x - r x) / (x^T x)", "2 (A x + r x) / (x^T x)"),
    ),
    Identity(
        "product of two linear forms",
        f"{MAGNUS}, chapter 9",
        "a, b, x ∈ R^n; s = (a^T x) (b^T x); ∂s/∂x == (b^T x) a + (a^T x) b",
        ("(a^T x) a + (b^T x) b", "(b^T x) a", "(b^T x) a - (a^T x) b"),
    ),
)

TRACES = (
    Identity("trace", cookbook(99), "X ∈ R^{n×n}; ∂tr(X)/∂X == I", ("2 I", "X", "-I")),
    Identity(
        "trace of a product",
        cookbook(100),
        "X ∈ R^{m×n}; A ∈ R^{n×m}; ∂tr(X A)/∂X == A^T",
        ("A", "-A^T", "X"),
    ),
    Identity(
        "trace of a product of three",
        cookbook(101),
        "A ∈ R^{k×m}; X ∈ R^{m×n}; B ∈ R^{n×k}; s = tr(A X B); ∂s/∂X == A^T B^T",
        ("B A", "-A^T B^T", "2 A^T B^T"),
    ),
    Identity(
        "trace of a product with a transpose inside",
        cookbook(102),
        "A ∈ R^{k×n}; X ∈ R^{m×n}; B ∈ R^{m×k}; s = tr(A X^T B); ∂s/∂X == B A",
        ("A^T B^T", "-B A", "2 B A"),
    ),
    Identity(
        "trace of a transpose times a matrix",
        cookbook(103),
        "X, A ∈ R^{m×n}; s = tr(X^T A); ∂s/∂X == A",
        ("A^T", "X", "-A"),
    ),
    Identity(
        "trace of a matrix times a transpose",
        cookbook(104),
        "X, A ∈ R^{m×n}; s = tr(A X^T); ∂s/∂X == A",
        ("-A", "X", "2 A"),
    ),
    Identity(
        "trace of a Kronecker product",
        cookbook(105),
        "A ∈ R^{m×m}; X ∈ R^{n×n}; s = tr(A ⊗ X); ∂s/∂X == tr(A) I",
        ("I", "2 tr(A) I", "tr(X) I"),
    ),
    Identity("trace of a square", cookbook(106), "X ∈ R^{n×n}; ∂tr(X^2)/∂X == 2 X^T", ("2 X", "X^T", "-2 X^T")),
    Identity(
        "trace of a square times a matrix",
        cookbook(107),
        "X, B ∈ R^{n×n}; s = tr(X^2 B); ∂s/∂X == (X B + B X)^T",
        ("X B + B X", "2 (X B)^T", "(X B)^T", "(X B - B X)^T"),
    ),
    Identity(
        "trace of a quadratic form",
        cookbook(108),
        "X ∈ R^{m×n}; B ∈ R^{m×m}; s = tr(X^T B X); ∂s/∂X == B X + B^T X",
        ("2 B X", "B X", "B X - B^T X"),
    ),
    Identity(
        "trace of a quadratic form, cycled once",
        cookbook(109),
        "X ∈ R^{m×n}; B ∈ R^{m×m}; s = tr(B X X^T); ∂s/∂X == B X + B^T X",
        ("2 B^T X", "B^T X", "B^T X - B X"),
    ),
    Identity(
        "trace of a quadratic form, cycled twice",
        cookbook(110),
        "X ∈ R^{m×n}; B ∈ R^{m×m}; s = tr(X X^T B); ∂s/∂X == B X + B^T X",
        ("2 B X", "B^T X"),
    ),
    Identity(
        "trace of a quadratic form of the rows",
        cookbook(111),
        "X ∈ R^{m×n}; B ∈ R^{n×n}; s = tr(X B X^T); ∂s/∂X == X B^T + X B",
        ("2 X B", "X B", "X B^T - X B"),
    ),
    Identity(
        "trace of a quadratic form of the rows, cycled once",
        cookbook(112),
        "X ∈ R^{m×n}; B ∈ R^{n×n}; s = tr(B X^T X); ∂s/∂X == X B^T + X B",
        ("2 X B^T", "X B^T"),
    ),
    Identity(
        "trace of a quadratic form of the rows, cycled twice",
        cookbook(113),
        "X ∈ R^{m×n}; B ∈ R^{n×n}; s = tr(X^T X B); ∂s/∂X == X B^T + X B",
        ("2 X B", "X B - X B^T"),
    ),
    Identity(
        "trace with the matrix twice",
        cookbook(114),
        "X ∈ R^{m×n}; A, B ∈ R^{n×m}; s = tr(A X B X); ∂s/∂X == A^T X^T B^T + B^T X^T A^T",
        ("2 A^T X^T B^T", "A^T X^T B^T", "A^T X^T B^T - B^T X^T A^T"),
    ),
    Identity(
        "trace of the Gram matrix",
        cookbook(115),
        "X ∈ R^{m×n}; s = tr(X^T X); ∂s/∂X == 2 X",
        ("X", "-2 X", "2 X^T"),
    ),
    Identity(
        "trace of the Gram matrix of the rows",
        cookbook(115),
        "X ∈ R^{m×n}; ∂tr(X X^T)/∂X == 2 X",
        ("X", "2 X X^T X"),
    ),
    Identity(
        "trace of five factors",
        cookbook(116),
        "B ∈ R^{n×k}; X ∈ R^{m×n}; C ∈ R^{m×m}; s = tr(B^T X^T C X B); ∂s/∂X == C^T X B B^T + C X B B^T",
        ("2 C X B B^T", "C X B B^T", "C^T X B B^T - C X B B^T"),
    ),
    Identity(
        "trace of four factors",
        cookbook(117),
        "X ∈ R^{m×n}; B ∈ R^{m×m}; C ∈ R^{n×n}; s = tr(X^T B X C); ∂s/∂X == B X C + B^T X C^T",
        ("2 B X C", "B X C", "B X C + B^T X C", "B X C - B^T X C^T"),
    ),
    Identity(
        "trace of a matrix and its transpose between others",
        cookbook(118),
        "A ∈ R^{k×m}; X ∈ R^{m×n}; B ∈ R^{n×n}; C ∈ R^{m×k}; s = tr(A X B X^T C); ∂s/∂X == A^T C^T X B^T + C A X B",
        ("2 C A X B", "A^T C^T X B^T", "C A X B", "A^T C^T X B^T - C A X B"),
    ),
    Identity(
        "trace of an affine map times its transpose",
        cookbook(119),
        """A ∈ R^{k×m}; X ∈ R^{m×n}; B ∈ R^{n×p}; C ∈ R^{k×p}
        Y = A X B + C
        s = tr(Y Y^T)
        ∂s/∂X == 2 A^T (A X B + C) B^T""",
        ("A^T (A X B + C) B^T", "2 A^T A X B B^T", "2 A^T (A X B - C) B^T"),
    ),
    Identity(
        "trace of a Kronecker square",
        cookbook(120),
        "X ∈ R^{n×n}; s = tr(X ⊗ X); ∂s/∂X == 2 tr(X) I",
        ("tr(X) I", "2 X", "2 tr(X) X"),
    ),
    Identity(
        "trace of a third power",
        cookbook(121),
        "X ∈ R^{n×n}; ∂tr(X^3)/∂X == 3 (X^2)^T",
        ("3 X^2", "(X^2)^T", "3 X^T", "2 (X^2)^T"),
    ),
    Identity(
        "trace of a fourth power",
        cookbook(121),
        "X ∈ R^{n×n}; ∂tr(X^4)/∂X == 4 (X^3)^T",
        ("4 X^3", "3 (X^3)^T", "4 (X^2)^T"),
    ),
    Identity(
        "trace of a matrix times a third power",
        cookbook(122),
        "A, X ∈ R^{n×n}; s = tr(A X^3); ∂s/∂X == (A X^2 + X A X + X^2 A)^T",
        ("3 (A X^2)^T", "(A X^2 + X^2 A)^T", "A X^2 + X A X + X^2 A"),
    ),
    Identity(
        "trace of a fourth-order product",
        cookbook(123),
        """B ∈ R^{n×k}; X ∈ R^{m×n}; C ∈ R^{m×m}
        s = tr(B^T X^T C X X^T C X B)
        ∂s/∂X == C X X^T C X B B^T + C^T X B B^T X^T C^T X + C X B B^T X^T C X + C^T X X^T C^T X B B^T""",
        (
            "4 C X X^T C X B B^T",
            "C X X^T C X B B^T + C^T X B B^T X^T C^T X",
            "2 C X X^T C X B B^T + 2 C X B B^T X^T C X",
        ),
    ),
    Identity(
        "trace of an inverse between matrices",
        cookbook(124),
        "A ∈ R^{k×n}; X ∈ R^{n×n}; B ∈ R^{n×k}; s = tr(A X^-1 B); ∂s/∂X == -(X^-1 B A X^-1)^T",
        ("(X^-1 B A X^-1)^T", "-X^-1 B A X^-1", "-(B A)^T", "-(X^-1 B A)^T"),
    ),
    Identity(
        "trace of an inverse between matrices, multiplied out",
        cookbook(124),
        "A ∈ R^{k×n}; X ∈ R^{n×n}; B ∈ R^{n×k}; s = tr(A X^-1 B); ∂s/∂X == -X^-T A^T B^T X^-T",
        ("X^-T A^T B^T X^-T", "-X^-1 A^T B^T X^-1", "-X^-T B A X^-T"),
    ),
    Identity(
        "trace of the inverse of a quadratic form",
        cookbook(125),
        """A ∈ R^{n×n}; B ∈ R^{m×m}; X ∈ R^{m×n}
        C = B^T B
        s = tr((X^T C X)^-1 A)
        ∂s/∂X == -(C X (X^T C X)^-1) (A + A^T) (X^T C X)^-1""",
        (
            "(C X (X^T C X)^-1) (A + A^T) (X^T C X)^-1",
            "-2 (C X (X^T C X)^-1) A (X^T C X)^-1",
            "-(X (X^T C X)^-1) (A + A^T) (X^T C X)^-1",
        ),
    ),
    Identity(
        "ratio of two quadratic forms, as of Fisher's criterion",
        cookbook(126),
        """X ∈ R^{m×2}; P, Q ∈ R^{m×m}
        B = P^T P
        C = Q^T Q
        s = tr((X^T C X)^-1 (X^T B X))
        ∂s/∂X == -2 C X (X^T C X)^-1 X^T B X (X^T C X)^-1 + 2 B X (X^T C X)^-1""",
        (
            "-2 C X (X^T C X)^-1 X^T B X (X^T C X)^-1",
            "2 B X (X^T C X)^-1",
            "-C X (X^T C X)^-1 X^T B X (X^T C X)^-1 + B X (X^T C X)^-1",
            "2 C X (X^T C X)^-1 X^T B X (X^T C X)^-1 + 2 B X (X^T C X)^-1",
        ),
    ),
    Identity(
        "regularised ratio of two quadratic forms",
        cookbook(127),
        """X ∈ R^{m×n}; P, Q ∈ R^{m×m}; K ∈ R^{n×n}
        B = P^T P
        C = Q^T Q
        A = K^T K
        M = (A + X^T C X)^-1
        s = tr(M (X^T B X))
        ∂s/∂X == -2 C X M X^T B X M + 2 B X M""",
        ("2 B X M", "-2 C X M X^T B X M", "-2 C X M X^T B X + 2 B X M"),
    ),
    Identity(
        "trace of a product with itself, by entries",
        f"{MINKA}, section on derivatives",
        "A, B ∈ R^{m×n}; s = sum(A ∘ B); ∂s/∂A == B",
        ("A", "B^T", "-B"),
    ),
)

DETERMINANTS = (
    Identity(
        "determinant of a matrix on a line",
        cookbook(46),
        "A, B ∈ R^{n×n}; t ∈ R; Y = A + t B; d = det(Y); ∂d/∂t == det(Y) tr(Y^-1 B)",
        ("tr(Y^-1 B)", "det(Y) tr(B)", "det(Y) tr(Y^-1 A)", "det(Y) tr(Y B)"),
    ),
    Identity(
        "determinant",
        cookbook(49),
        "X ∈ R^{n×n}; ∂det(X)/∂X == det(X) (X^-1)^T",
        ("det(X) X^-1", "(X^-1)^T", "-det(X) (X^-1)^T"),
    ),
    Identity(
        "determinant and adjugate",
        f"{MAGNUS}, chapter 8, section 3",
        "X ∈ R^{n×n}; ∂det(X)/∂X == adj(X)^T",
        ("adj(X)", "-adj(X)^T", "X^-T"),
    ),
    Identity(
        "rows of the adjugate",
        cookbook(50),
        "X ∈ R^{n×n}; d = det(X); ∂d/∂X X^T == det(X) I",
        ("I", "det(X) X", "-det(X) I"),
    ),
    Identity(
        "determinant of a product",
        cookbook(51),
        "A, X, B ∈ R^{n×n}; ∂det(A X B)/∂X == det(A X B) X^-T",
        ("det(A X B) X^-1", "det(X) X^-T", "A^T X^-T B^T"),
    ),
    Identity(
        "determinant of a quadratic form, square",
        cookbook(52),
        "A, X ∈ R^{n×n}; s = det(X^T A X); ∂s/∂X == 2 det(X^T A X) X^-T",
        ("det(X^T A X) X^-T", "2 det(X^T A X) X^-1", "2 det(A) X^-T"),
    ),
    Identity(
        "determinant of a quadratic form, symmetric",
        cookbook(53),
        "X ∈ R^{m×2}; B ∈ R^{m×m}; A = B + B^T; s = det(X^T A X); ∂s/∂X == 2 det(X^T A X) A X (X^T A X)^-1",
        ("det(X^T A X) A X (X^T A X)^-1", "2 det(X^T A X) X (X^T A X)^-1", "2 A X (X^T A X)^-1"),
    ),
    Identity(
        "determinant of a quadratic form",
        cookbook(54),
        """X ∈ R^{m×2}; A ∈ R^{m×m}
        d = det(X^T A X)
        ∂d/∂X == d (A X (X^T A X)^-1 + A^T X (X^T A^T X)^-1)""",
        ("2 d A X (X^T A X)^-1", "d A X (X^T A X)^-1", "A X (X^T A X)^-1 + A^T X (X^T A^T X)^-1"),
    ),
    Identity(
        "log-determinant of the Gram matrix",
        cookbook(55),
        "X ∈ R^{m×2}; s = log(det(X^T X)); ∂s/∂X == 2 X (X^T X)^-1",
        ("X (X^T X)^-1", "2 X", "-2 X (X^T X)^-1"),
    ),
    Identity(
        "log-determinant",
        cookbook(57),
        "X ∈ R^{n×n}; ∂logdet(X)/∂X == (X^-1)^T",
        ("X^-1", "X^T", "-(X^-1)^T"),
    ),
    Identity(
        "logarithm of the size of a determinant",
        cookbook(57),
        "X ∈ R^{n×n}; s = log(|det(X)|); ∂s/∂X == (X^T)^-1",
        ("X^-1", "det(X) X^-T", "-X^-T"),
    ),
    Identity(
        "determinant of a power",
        cookbook(58),
        "X ∈ R^{n×n}; ∂det(X^3)/∂X == 3 det(X^3) X^-T",
        ("det(X^3) X^-T", "3 det(X^2) X^-T", "3 det(X^3) X^-1"),
    ),
    Identity(
        "determinant of an inverse",
        cookbook(62),
        "X ∈ R^{n×n}; ∂det(X^-1)/∂X == -det(X^-1) (X^-1)^T",
        ("det(X^-1) (X^-1)^T", "-det(X) (X^-1)^T", "-det(X^-1) X^-1"),
    ),
    Identity(
        "gradient of the log-determinant of a positive definite matrix",
        f"{BOYD}, section A.4.1",
        "B ∈ R^{n×n}; X = B^T B; s = logdet(X); ∂s/∂X == X^-1",
        ("-X^-1", "X^-2", "2 X^-1"),
    ),
    Identity(
        "gradient of the log-determinant of an affine matrix",
        f"{BOYD}, section A.4.2",
        """F_0, F_1, F_2 ∈ R^{n×n}; x_1, x_2 ∈ R
        F = F_0^T F_0 + x_1 F_1^T F_1 + x_2 F_2^T F_2
        s = log(det(F))
        ∂s/∂x_1 == tr(F^-1 F_1^T F_1)""",
        ("tr(F^-1 F_1)", "-tr(F^-1 F_1^T F_1)", "tr(F F_1^T F_1)", "tr(F^-1 F_2^T F_2)"),
    ),
    Identity(
        "log-determinant of a covariance",
        f"{MINKA}, section on derivatives",
        "A ∈ R^{m×n}; s = logdet(A A^T + I); ∂s/∂A == 2 (A A^T + I)^-1 A",
        ("(A A^T + I)^-1 A", "-2 (A A^T + I)^-1 A", "2 A (A^T A + I)"),
    ),
    Identity(
        "reverse mode of the determinant",
        f"{GILES}, section 2.2",
        "A ∈ R^{n×n}; c ∈ R; s = c det(A); ∂s/∂A == c det(A) A^-T",
        ("c A^-T", "c det(A) A^-1", "det(A) A^-T"),
    ),
    Identity(
        "log-likelihood of a Gaussian by its precision",
        f"{BISHOP}, section 2.3.4",
        """x, μ ∈ R^n; B ∈ R^{n×n}
        Λ = B^T B
        L = 1/2 logdet(Λ) - 1/2 (x - μ)^T Λ (x - μ)
        ∂L/∂Λ == 1/2 Λ^-1 - 1/2 (x - μ) (x - μ)^T""",
        (
            "Λ^-1 - (x - μ) (x - μ)^T",
            "1/2 Λ^-1 + 1/2 (x - μ) (x - μ)^T",
            "1/2 Λ^-1",
            "1/2 Λ - 1/2 (x - μ) (x - μ)^T",
        ),
    ),
    Identity(
        "log-likelihood of a Gaussian by its mean",
        f"{BISHOP}, eq. 2.120",
        """x, μ ∈ R^n; B ∈ R^{n×n}
        Σ = B^T B
        L = -1/2 logdet(Σ) - 1/2 (x - μ)^T Σ^-1 (x - μ)
        ∂L/∂μ == Σ^-1 (x - μ)""",
        ("-Σ^-1 (x - μ)", "Σ (x - μ)", "2 Σ^-1 (x - μ)"),
    ),
    Identity(
        "log-likelihood of a Gaussian by its covariance",
        f"{MAGNUS}, chapter 15",
        """x, μ ∈ R^n; B ∈ R^{n×n}
        Σ = B^T B
        e = x - μ
        L = -1/2 logdet(Σ) - 1/2 e^T Σ^-1 e
        ∂L/∂Σ == 1/2 Σ^-1 e e^T Σ^-1 - 1/2 Σ^-1""",
        ("1/2 Σ^-1 e e^T Σ^-1", "1/2 Σ^-1 - 1/2 Σ^-1 e e^T Σ^-1", "1/2 Σ^-1 e e^T Σ^-1 - 1/2 Σ"),
    ),
)

INVERSES = (
    Identity(
        "inverse on a line, between vectors",
        cookbook(59),
        "A, B ∈ R^{n×n}; t ∈ R; a, b ∈ R^n; Y = A + t B; s = a^T Y^-1 b; ∂s/∂t == -a^T Y^-1 B Y^-1 b",
        ("a^T Y^-1 B Y^-1 b", "-a^T Y^-1 B b", "-a^T Y^-1 A Y^-1 b"),
    ),
    Identity(
        "bilinear form of an inverse",
        cookbook(61),
        "a, b ∈ R^n; X ∈ R^{n×n}; ∂/∂X (a^T X^-1 b) == -X^-T a b^T X^-T",
        ("X^-T a b^T X^-T", "-X^-1 a b^T X^-1", "-X^-T b a^T X^-T", "-a b^T"),
    ),
    Identity(
        "trace of an inverse in a product",
        cookbook(63),
        "A, X, B ∈ R^{n×n}; ∂tr(A X^-1 B)/∂X == -(X^-1 B A X^-1)^T",
        ("-(X^-1 A B X^-1)^T", "-X^-1 B A X^-1", "(X^-1 B A X^-1)^T"),
    ),
    Identity(
        "trace of the inverse of a sum",
        cookbook(64),
        "A, X ∈ R^{n×n}; s = tr((X + A)^-1); ∂s/∂X == -((X + A)^-1 (X + A)^-1)^T",
        ("((X + A)^-1 (X + A)^-1)^T", "-(X + A)^-T", "-(X + A)^-1 (X + A)^-1"),
    ),
    Identity(
        "gradient by a matrix from the gradient by its inverse",
        f"{COOKBOOK}, section 2.2",
        "A ∈ R^{n×n}; a, b ∈ R^n; W = A^-1; J = (a^T W b)^2 + tr(W W); ∂J/∂A == -A^-T ∂J/∂W A^-T",
        ("A^-T ∂J/∂W A^-T", "-A^-1 ∂J/∂W A^-1", "-A^T ∂J/∂W A^T", "-∂J/∂W"),
    ),
    Identity(
        "Jacobian of the inverse",
        f"{MAGNUS}, chapter 9",
        "X ∈ R^{n×n}; F = X^-1; ∂F/∂X == -(X^-T ⊗ X^-1)",
        ("X^-T ⊗ X^-1", "-(X^-1 ⊗ X^-T)", "-(X^-1 ⊗ X^-1)"),
    ),
    Identity(
        "solution of linear equations by the right side",
        f"{GILES}, section 2.2",
        "A ∈ R^{n×n}; b ∈ R^n; x = solve(A, b); ∂x/∂b == A^-1",
        ("A", "A^-T", "-A^-1"),
    ),
    Identity(
        "reverse mode of a linear solve, by the right side",
        f"{GILES}, section 2.2",
        "A ∈ R^{n×n}; b, c ∈ R^n; x = A^-1 b; s = c^T x; ∂s/∂b == A^-T c",
        ("A^-1 c", "-A^-T c", "A^T c"),
    ),
    Identity(
        "reverse mode of a linear solve, by the matrix",
        f"{GILES}, section 2.2",
        "A ∈ R^{n×n}; b, c ∈ R^n; x = solve(A, b); s = c^T x; ∂s/∂A == -(A^-T c) x^T",
        ("(A^-T c) x^T", "-(A^-1 c) x^T", "-x (A^-T c)^T", "-c x^T"),
    ),
    Identity(
        "reverse mode of the inverse",
        f"{GILES}, section 2.2",
        "A, G ∈ R^{n×n}; C = A^-1; s = tr(G^T C); ∂s/∂A == -C^T G C^T",
        ("C^T G C^T", "-C G C", "-C^T G^T C^T", "-C^T G"),
    ),
    Identity(
        "trace of the square of an inverse",
        f"{MAGNUS}, chapter 9",
        "X ∈ R^{n×n}; s = tr(X^-2); ∂s/∂X == -2 (X^-3)^T",
        ("2 (X^-3)^T", "-2 X^-3", "-(X^-3)^T", "-2 (X^-2)^T"),
    ),
)

NORMS = (
    Identity(
        "distance to a point",
        cookbook(129),
        "x, a ∈ R^n; s = ‖x - a‖; ∂s/∂x == (x - a) / ‖x - a‖",
        ("x / ‖x‖", "(a - x) / ‖x - a‖", "2 (x - a)", "x - a"),
    ),
    Identity(
        "direction from a point",
        cookbook(130),
        "x, a ∈ R^n; u = (x - a) / ‖x - a‖; ∂u/∂x == I / ‖x - a‖ - (x - a) (x - a)^T / ‖x - a‖^3",
        (
            "I / ‖x - a‖",
            "I / ‖x - a‖ + (x - a) (x - a)^T / ‖x - a‖^3",
            "I / ‖x - a‖ - (x - a) (x - a)^T / ‖x - a‖^2",
        ),
    ),
    Identity("squared norm", cookbook(131), "x ∈ R^n; s = ‖x‖^2; ∂s/∂x == 2 x", ("x", "2 ‖x‖ x", "-2 x")),
    Identity("inner product with itself", cookbook(131), "x in R^n; s = x^T x; ∂s/∂x == 2 x", ("x", "2 x^T", "-2 x")),
    Identity(
        "squared Frobenius norm",
        cookbook(132),
        "X ∈ R^{m×n}; s = ||X||_F^2; ∂s/∂X == 2 X",
        ("X", "2 ||X||_F X", "2 X^T"),
    ),
    Identity(
        "Frobenius norm",
        f"{MAGNUS}, chapter 9",
        "X ∈ R^{m×n}; s = norm(X); ∂s/∂X == X / norm(X)",
        ("X", "2 X", "X / norm(X)^2"),
    ),
    Identity(
        "norm of an affine map",
        f"{BOYD}, section A.4.2",
        "A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m; s = ‖A x - b‖; ∂s/∂x == A^T (A x - b) / ‖A x - b‖",
        ("A^T (A x - b)", "A^T (A x + b) / ‖A x - b‖", "-A^T (A x - b) / ‖A x - b‖"),
    ),
    Identity(
        "sum of absolute values, away from 0",
        f"{BOYD}, section 6.1",
        "x ∈ R^n; s = ‖x‖_1; ∂s/∂x == sign(x)",
        ("-sign(x)", "x", "sign(x) / ‖x‖_1"),
    ),
    Identity(
        "sum of absolute residuals, away from 0",
        f"{BOYD}, section 6.1",
        "A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m; s = ||A x - b||_1; ∂s/∂x == A^T sign(A x - b)",
        ("sign(x)", "-A^T sign(A x - b)", "A^T (A x - b)"),
    ),
    Identity(
        "p-norm for p = 4",
        f"{GOLUB}, section 2.2",
        "x ∈ R^n; s = sum(x .^ 4)^(1/4); ∂s/∂x == x .^ 3 / s^3",
        ("x .^ 3 / s", "4 x .^ 3", "x .^ 3", "x / s"),
    ),
    Identity(
        "power of a norm",
        f"{NOCEDAL}, appendix A",
        "x ∈ R^n; s = ‖x‖^3; ∂s/∂x == 3 ‖x‖ x",
        ("3 ‖x‖^2 x", "3 x", "‖x‖ x"),
    ),
    Identity(
        "inverse distance",
        "Jackson, Classical Electrodynamics (1998), section 1.5",
        "x, a ∈ R^3; s = 1 / ‖x - a‖; ∂s/∂x == -(x - a) / ‖x - a‖^3",
        ("(x - a) / ‖x - a‖^3", "-(x - a) / ‖x - a‖^2", "-1 / ‖x - a‖^2 x"),
    ),
    Identity(
        "Hessian of the norm",
        f"{MAGNUS}, chapter 10",
        "x ∈ R^n; s = ‖x‖; ∂/∂x (∂s/∂x) == (I - x x^T / (x^T x)) / ‖x‖",
        ("I / ‖x‖", "(I + x x^T / (x^T x)) / ‖x‖", "I - x x^T / (x^T x)"),
    ),
    Identity(
        "cosine of two vectors",
        "Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), section 6.3",
        "a, b ∈ R^n; c = a^T b / (‖a‖ ‖b‖); ∂c/∂a == b / (‖a‖ ‖b‖) - c a / ‖a‖^2",
        ("b / (‖a‖ ‖b‖)", "b / (‖a‖ ‖b‖) + c a / ‖a‖^2", "b / (‖a‖ ‖b‖) - a / ‖a‖^2"),
    ),
)

JACOBIANS = (
    Identity("linear map", f"{MAGNUS}, chapter 9", "A ∈ R^{m×n}; x ∈ R^n; y = A x; ∂y/∂x == A", ("A^T", "2 A", "-A")),
    Identity(
        "linear map by its matrix",
        f"{MAGNUS}, chapter 9",
        "A ∈ R^{m×n}; x ∈ R^n; y = A x; ∂y/∂A == x^T ⊗ eye(m)",
        ("eye(m) ⊗ x^T", "2 x^T ⊗ eye(m)"),
    ),
    Identity(
        "affine map of the bias",
        f"{DEEP}, section 6.5",
        "W ∈ R^{m×n}; x ∈ R^n; b ∈ R^m; z = W x + b; ∂z/∂b == I",
        ("2 I", "-I", "W W^T"),
    ),
    Identity(
        "elementwise function",
        f"{MAGNUS}, chapter 9",
        "x ∈ R^n; y = f(x); ∂y/∂x == diag(f'(x))",
        ("diag(f(x))", "2 diag(f'(x))", "f'(x) f'(x)^T"),
    ),
    Identity(
        "elementwise function of a linear map",
        f"{DEEP}, section 6.5",
        "W ∈ R^{m×n}; x ∈ R^n; h = f(W x); ∂h/∂x == diag(f'(W x)) W",
        ("W", "diag(f(W x)) W", "W^T diag(f'(W x))"),
    ),
    Identity(
        "elementwise square",
        f"{MAGNUS}, chapter 9",
        "x ∈ R^n; y = x .^ 2; ∂y/∂x == 2 diag(x)",
        ("diag(x)", "-2 diag(x)", "2 x"),
    ),
    Identity(
        "softmax",
        f"{BISHOP}, eq. 4.106",
        "z ∈ R^n; p = softmax(z); ∂p/∂z == diag(p) - p p^T",
        ("diag(p)", "diag(p) + p p^T", "p p^T - diag(p)", "diag(p - p ∘ p)"),
    ),
    Identity(
        "logarithm of softmax",
        f"{DEEP}, section 6.2.2.3",
        "z ∈ R^n; y = log_softmax(z); ∂y/∂z == I - ones(n) softmax(z)^T",
        ("I - softmax(z) ones(n)^T", "I", "I + ones(n) softmax(z)^T"),
    ),
    Identity(
        "unit vector",
        f"{MAGNUS}, chapter 9",
        "x ∈ R^n; u = x / ‖x‖; ∂u/∂x == (I - u u^T) / ‖x‖",
        ("I - u u^T", "I / ‖x‖", "(I + u u^T) / ‖x‖"),
    ),
    Identity(
        "vector times an inner product",
        f"{MAGNUS}, chapter 9",
        "x, a ∈ R^n; y = x (x^T a); ∂y/∂x == (x^T a) I + x a^T",
        ("(x^T a) I", "(x^T a) I + a x^T", "(x^T a) I - x a^T", "2 (x^T a) I"),
    ),
    Identity(
        "vector times its squared norm",
        f"{MAGNUS}, chapter 9",
        "x ∈ R^n; y = (x^T x) x; ∂y/∂x == (x^T x) I + 2 x x^T",
        ("(x^T x) I", "(x^T x) I + x x^T", "3 (x^T x) I"),
    ),
    Identity(
        "outer product on a vector",
        f"{MAGNUS}, chapter 9",
        "x ∈ R^n; y ∈ R^m; z = y x^T x; ∂z/∂x == 2 y x^T",
        ("y x^T", "2 x y^T", "-2 y x^T"),
    ),
    Identity(
        "chain of Jacobians",
        f"{MAGNUS}, chapter 5",
        "A ∈ R^{m×n}; B ∈ R^{p×m}; x ∈ R^n; y = sin(A x); z = exp(B y / 9); ∂z/∂x == ∂z/∂y ∂y/∂x",
        ("∂z/∂y A", "B A", "2 ∂z/∂y ∂y/∂x"),
    ),
    Identity(
        "normalisation to sum one",
        f"{MAGNUS}, chapter 9",
        "x ∈ R^n; p = x / sum(x); ∂p/∂x == I / sum(x) - x ones(n)^T / sum(x)^2",
        ("I / sum(x)", "I / sum(x) - ones(n) x^T / sum(x)^2", "I / sum(x) + x ones(n)^T / sum(x)^2"),
    ),
    Identity(
        "centring",
        "Ioffe and Szegedy, Batch Normalization (2015), section 3",
        "x ∈ R^n; y = x - mean(x); ∂y/∂x == I - 1/n ones(n, n)",
        ("I", "I - ones(n, n)", "I + 1/n ones(n, n)"),
    ),
    Identity(
        "projection",
        f"{GOLUB}, section 2.5",
        "a, x ∈ R^n; y = a (a^T x) / (a^T a); ∂y/∂x == a a^T / (a^T a)",
        ("a a^T", "I - a a^T / (a^T a)", "x a^T / (a^T a)"),
    ),
    Identity(
        "Householder reflection",
        f"{GOLUB}, section 5.1.2",
        "v, x ∈ R^n; y = x - 2 v (v^T x) / (v^T v); ∂y/∂x == I - 2 v v^T / (v^T v)",
        ("I - v v^T / (v^T v)", "I + 2 v v^T / (v^T v)", "I - 2 v v^T"),
    ),
    Identity(
        "triple product",
        "Murray, Li and Sastry, A Mathematical Introduction to Robotic Manipulation (1994), section 2.1",
        "a, b, c ∈ R^3; s = c^T cross(a, b); ∂s/∂b == cross(c, a)",
        ("cross(a, c)", "cross(a, b)", "2 cross(c, a)", "c"),
    ),
    Identity(
        "product of three matrices",
        f"{MAGNUS}, chapter 9",
        "A ∈ R^{m×n}; X ∈ R^{n×p}; B ∈ R^{p×k}; F = A X B; ∂F/∂X == B^T ⊗ A",
        ("A ⊗ B^T", "2 (B^T ⊗ A)", "-(B^T ⊗ A)"),
    ),
    Identity(
        "square of a matrix",
        f"{MAGNUS}, chapter 9",
        "X ∈ R^{n×n}; F = X^2; ∂F/∂X == X^T ⊗ eye(n) + eye(n) ⊗ X",
        ("X ⊗ eye(n) + eye(n) ⊗ X", "2 (X^T ⊗ eye(n))", "X^T ⊗ eye(n)", "X^T ⊗ eye(n) - eye(n) ⊗ X"),
    ),
    Identity(
        "vector of products, in rows",
        f"{DEEP}, section 6.5",
        "@layout numerator; x, w ∈ R^n; s = w^T x; ∂s/∂x == w^T",
        ("w", "x^T", "2 w^T"),
    ),
)

HESSIANS = (
    Identity(
        "bilinear form, symmetrised",
        f"{MAGNUS}, chapter 10",
        "x ∈ R^n; A ∈ R^{n×n}; s = x^T A x; ∂(∂s/∂x)/∂x == A + A^T",
        ("2 A", "A", "2 (A + A^T)"),
    ),
    Identity(
        "log-sum-exp, gradient",
        f"{BOYD}, section 3.1.5",
        "x ∈ R^n; s = logsumexp(x); ∂s/∂x == softmax(x)",
        ("exp(x)", "log_softmax(x)", "-softmax(x)"),
    ),
    Identity(
        "log-sum-exp, Hessian",
        f"{BOYD}, section 3.1.5",
        "x ∈ R^n; s = logsumexp(x); p = softmax(x); ∂/∂x (∂s/∂x) == diag(p) - p p^T",
        ("diag(p)", "p p^T", "diag(p) + p p^T"),
    ),
    Identity(
        "log-sum-exp, Hessian in exponentials",
        f"{BOYD}, section A.4.4",
        """x ∈ R^n
        z = exp(x)
        s = log(sum(z))
        ∂/∂x (∂s/∂x) == diag(z) / sum(z) - z z^T / sum(z)^2""",
        ("diag(z) / sum(z)", "diag(z) / sum(z) + z z^T / sum(z)^2", "diag(z) - z z^T"),
    ),
    Identity(
        "log-sum-exp of affine functions, gradient",
        f"{BOYD}, section A.4.2",
        """A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m
        z = exp(A x + b)
        s = log(sum(z))
        ∂s/∂x == A^T z / sum(z)""",
        ("A^T z", "z / sum(z)", "-A^T z / sum(z)"),
    ),
    Identity(
        "log-sum-exp of affine functions, Hessian",
        f"{BOYD}, section A.4.4",
        """A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m
        z = exp(A x + b)
        s = log(sum(z))
        ∂/∂x (∂s/∂x) == A^T (diag(z) / sum(z) - z z^T / sum(z)^2) A""",
        ("A^T diag(z) A / sum(z)", "A^T (diag(z) / sum(z) + z z^T / sum(z)^2) A", "A^T (diag(z) - z z^T) A"),
    ),
    Identity(
        "least squares, Hessian",
        f"{NOCEDAL}, section 10.2",
        "A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m; s = 1/2 ‖A x - b‖^2; ∂/∂x (∂s/∂x) == A^T A",
        ("2 A^T A", "A^T", "-A^T A"),
    ),
    Identity(
        "logistic regression, Hessian",
        f"{BISHOP}, eq. 4.97",
        """X ∈ R^{m×n}; w ∈ R^n; t ∈ R^m
        y = sigmoid(X w)
        E = sum(softplus(X w)) - t^T X w
        ∂/∂w (∂E/∂w) == X^T diag(y ∘ (1 - y)) X""",
        ("X^T diag(y) X", "X^T X", "-X^T diag(y ∘ (1 - y)) X"),
    ),
    Identity(
        "Gauss-Newton Hessian of an exponential model",
        f"{NOCEDAL}, eq. 10.5",
        """A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m
        r = exp(A x / 9) - b
        s = 1/2 r^T r
        J = ∂r/∂x
        ∂/∂x (∂s/∂x) == J^T J + A^T diag(r ∘ exp(A x / 9)) A / 81""",
        ("J^T J", "J^T J + A^T A", "J^T J - A^T diag(r ∘ exp(A x / 9)) A / 81"),
    ),
    Identity(
        "function of a linear form",
        f"{BOYD}, section A.4.4",
        "a, x ∈ R^n; s = exp(a^T x / 9); ∂/∂x (∂s/∂x) == s a a^T / 81",
        ("s a a^T / 9", "a a^T / 81", "-s a a^T / 81"),
    ),
    Identity(
        "composition with a linear map",
        f"{BOYD}, section A.4.4",
        "A ∈ R^{m×n}; x ∈ R^n; s = sum(f(A x)); ∂/∂x (∂s/∂x) == A^T diag(f''(A x)) A",
        ("A^T diag(f'(A x)) A", "A^T A", "-A^T diag(f''(A x)) A"),
    ),
    Identity(
        "fourth power of the norm",
        f"{NOCEDAL}, appendix A",
        "x ∈ R^n; s = (x^T x)^2; ∂/∂x (∂s/∂x) == 4 (x^T x) I + 8 x x^T",
        ("4 (x^T x) I", "8 x x^T", "4 (x^T x) I + 4 x x^T", "4 (x^T x) I - 8 x x^T"),
    ),
    Identity(
        "logarithmic barrier, gradient",
        f"{BOYD}, section 11.2.1",
        """A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m
        d = b - A x
        φ = -1/2 sum(log(d .^ 2))
        ∂φ/∂x == A^T (1 ./ d)""",
        ("-A^T (1 ./ d)", "A^T d", "1 ./ x", "1/2 A^T (1 ./ d)"),
    ),
    Identity(
        "logarithmic barrier, Hessian",
        f"{BOYD}, section 11.2.1",
        """A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m
        d = b - A x
        φ = -1/2 sum(log(d .^ 2))
        ∂/∂x (∂φ/∂x) == A^T diag(1 ./ d .^ 2) A""",
        ("A^T diag(1 ./ d) A", "-A^T diag(1 ./ d .^ 2) A", "A^T A", "2 A^T diag(1 ./ d .^ 2) A"),
    ),
    Identity(
        "Rosenbrock's function, gradient",
        f"{NOCEDAL}, exercise 2.1",
        "x ∈ R^2; s = 100 (x[1] - x[0]^2)^2 + (1 - x[0])^2; "
        "∂s/∂x == [-400 x[0] (x[1] - x[0]^2) - 2 (1 - x[0]), 200 (x[1] - x[0]^2)]",
        (
            "[400 x[0] (x[1] - x[0]^2) - 2 (1 - x[0]), 200 (x[1] - x[0]^2)]",
            "[-400 x[0] (x[1] - x[0]^2) + 2 (1 - x[0]), 200 (x[1] - x[0]^2)]",
            "[-400 x[0] (x[1] - x[0]^2), 200 (x[1] - x[0]^2)]",
        ),
    ),
    Identity(
        "Rosenbrock's function, Hessian",
        f"{NOCEDAL}, exercise 2.1",
        "x ∈ R^2; s = 100 (x[1] - x[0]^2)^2 + (1 - x[0])^2; "
        "∂/∂x (∂s/∂x) == [1200 x[0]^2 - 400 x[1] + 2, -400 x[0]; -400 x[0], 200]",
        (
            "[1200 x[0]^2 - 400 x[1] + 2, 400 x[0]; 400 x[0], 200]",
            "[800 x[0]^2 - 400 x[1] + 2, -400 x[0]; -400 x[0], 200]",
            "[1200 x[0]^2 + 2, -400 x[0]; -400 x[0], 200]",
        ),
    ),
)

STRUCTURES = (
    Identity(
        "Hadamard product in an inner product",
        f"{MAGNUS}, chapter 3",
        "u, x, v ∈ R^n; s = u^T (x ∘ v); ∂s/∂x == u ∘ v",
        ("u ∘ x", "v", "u v^T", "-u ∘ v"),
    ),
    Identity(
        "Hadamard product of matrices",
        f"{MINKA}, section on the Hadamard product and diag",
        "X, A, B ∈ R^{m×n}; s = sum(A ∘ X ∘ B); ∂s/∂X == A ∘ B",
        ("A + B", "A ∘ X", "-A ∘ B"),
    ),
    Identity(
        "trace with a Hadamard product",
        f"{MAGNUS}, chapter 3, section 6",
        "A, B, X ∈ R^{m×n}; s = tr(A^T (B ∘ X)); ∂s/∂X == A ∘ B",
        ("A", "A ∘ X", "2 A ∘ B"),
    ),
    Identity(
        "square entry by entry",
        f"{MINKA}, section on the Hadamard product and diag",
        "X ∈ R^{m×n}; s = sum(X ∘ X); ∂s/∂X == 2 X",
        ("X", "2 X ∘ X", "-2 X"),
    ),
    Identity(
        "function of every entry",
        f"{MINKA}, section on the Hadamard product and diag",
        "X ∈ R^{m×n}; s = sum(f(X)); ∂s/∂X == f'(X)",
        ("f(X)", "2 f'(X)", "f'(X) ∘ X"),
    ),
    Identity(
        "diagonal matrix between vectors",
        f"{MAGNUS}, chapter 3",
        "a, d, b ∈ R^n; s = a^T diag(d) b; ∂s/∂d == a ∘ b",
        ("a", "a b^T", "a ∘ d", "-a ∘ b"),
    ),
    Identity(
        "diagonal of a matrix",
        f"{MINKA}, section on the Hadamard product and diag",
        "X ∈ R^{n×n}; a ∈ R^n; s = a^T diag(X); ∂s/∂X == diag(a)",
        ("a a^T", "diag(diag(X))", "-diag(a)"),
    ),
    Identity(
        "quadratic form with a diagonal matrix",
        f"{MAGNUS}, chapter 3",
        "X ∈ R^{m×n}; d ∈ R^n; s = tr(X diag(d) X^T); ∂s/∂d == diag(X^T X)",
        ("diag(X^T X) ∘ d", "2 diag(X^T X)", "d"),
    ),
    Identity(
        "Kronecker product of vectors",
        f"{MAGNUS}, chapter 2",
        "x ∈ R^n; y ∈ R^m; C ∈ R^{m×n}; s = vec(C)^T (x ⊗ y); ∂s/∂x == C^T y",
        ("C^T C x", "-C^T y", "2 C^T y", "(y^T y) x"),
    ),
    Identity(
        "vec as an inner product",
        cookbook(521),
        "X, A ∈ R^{m×n}; s = vec(A)^T vec(X); ∂s/∂X == A",
        ("X", "A^T", "2 A"),
    ),
    Identity(
        "quadratic form of vec",
        f"{MAGNUS}, chapter 10",
        "X ∈ R^{m×n}; A ∈ R^{m×m}; s = vec(X)^T vec(A X); ∂s/∂X == (A + A^T) X",
        ("2 A X", "A X", "(A - A^T) X"),
    ),
    Identity(
        "Kronecker product in a norm",
        f"{HORN}, section 4.2",
        "A ∈ R^{m×n}; B ∈ R^{p×k}; s = ‖A ⊗ B‖^2; ∂s/∂A == 2 ‖B‖^2 A",
        ("2 A", "2 ‖B‖ A", "‖B‖^2 A", "2 ‖A‖^2 A"),
    ),
    Identity(
        "sum of the entries",
        f"{MINKA}, section on the Hadamard product and diag",
        "x ∈ R^n; s = sum(x); ∂s/∂x == ones(n)",
        ("x", "n ones(n)", "ones(n)^T"),
    ),
    Identity(
        "mean of the entries",
        f"{DEEP}, section 8.7.1",
        "x ∈ R^n; a = mean(x); ∂a/∂x == ones(n) / n",
        ("ones(n)", "x / n", "-ones(n) / n"),
    ),
    Identity(
        "variance of the entries",
        "Ioffe and Szegedy, Batch Normalization (2015), section 3",
        "x ∈ R^n; v = mean((x - mean(x)) .^ 2); ∂v/∂x == 2 (x - mean(x)) / n",
        ("2 x / n", "2 (x - mean(x))", "(x - mean(x)) / n"),
    ),
)

CHAINS = (
    Identity(
        "neuron by its weights",
        "Manning, CS224N: Natural Language Processing with Deep Learning, gradient notes",
        "W ∈ R^{m×n}; x ∈ R^n; u, b ∈ R^m; s = u^T f(W x + b); ∂s/∂W == (u ∘ f'(W x + b)) x^T",
        ("u x^T", "x (u ∘ f'(W x + b))^T", "(u ∘ f(W x + b)) x^T", "-(u ∘ f'(W x + b)) x^T"),
    ),
    Identity(
        "neuron by its input",
        "Manning, CS224N: Natural Language Processing with Deep Learning, gradient notes",
        """W ∈ R^{m×n}; x ∈ R^n; u, b ∈ R^m
        z = W x + b
        h = f(z)
        s = u^T h
        δ = u ∘ f'(z)
        ∂s/∂x == W^T δ""",
        ("W^T u", "δ", "-W^T δ", "W^T (u ∘ f(z))"),
    ),
    Identity(
        "neuron by its bias, in rows",
        "Manning, CS224N: Natural Language Processing with Deep Learning, gradient notes",
        """@layout numerator
        W ∈ R^{m×n}; x ∈ R^n; u, b ∈ R^m
        z = W x + b
        s = u^T f(z)
        ∂s/∂b == u^T diag(f'(z))""",
        ("diag(f'(z)) u", "u^T", "u^T diag(f(z))"),
    ),
    Identity(
        "two layers",
        f"{DEEP}, section 6.5.4",
        """W_1 ∈ R^{m×n}; W_2 ∈ R^{p×m}; x ∈ R^n; u ∈ R^p
        z = W_1 x
        a = W_2 f(z)
        s = u^T g(a)
        ∂s/∂W_1 == (W_2^T (u ∘ g'(a)) ∘ f'(z)) x^T""",
        (
            "(W_2^T (u ∘ g'(a))) x^T",
            "(W_2^T u ∘ f'(z)) x^T",
            "(W_2^T (u ∘ g'(a)) ∘ f'(z)) z^T W_1",
            "(W_2^T (u ∘ g'(a)) ∘ f(z)) x^T",
        ),
    ),
    Identity(
        "error of a layer from that of the next",
        "Nielsen, Neural Networks and Deep Learning (2015), chapter 2, eq. BP2",
        """W ∈ R^{m×n}; z ∈ R^n; t ∈ R^m
        a = W sigmoid(z)
        C = 1/2 ‖sigmoid(a) - t‖^2
        δ = ∂C/∂a
        ∂C/∂z == (W^T δ) ∘ sigmoid(z) ∘ (1 - sigmoid(z))""",
        ("W^T δ", "(W^T δ) ∘ sigmoid(z)", "δ^T W", "-(W^T δ) ∘ sigmoid(z) ∘ (1 - sigmoid(z))"),
    ),
    Identity(
        "reverse mode of a matrix product, left factor",
        f"{GILES}, section 2.2",
        "A ∈ R^{m×n}; B ∈ R^{n×p}; G ∈ R^{m×p}; C = A B; s = sum(G ∘ C); ∂s/∂A == G B^T",
        ("A", "-G B^T", "G G^T A"),
    ),
    Identity(
        "reverse mode of a matrix product, right factor",
        f"{GILES}, section 2.2",
        "A ∈ R^{m×n}; B ∈ R^{n×p}; G ∈ R^{m×p}; C = A B; s = sum(G ∘ C); ∂s/∂B == A^T G",
        ("-A^T G", "G^T A", "2 A^T G"),
    ),
    Identity(
        "reverse mode of a quadratic form of a matrix",
        f"{GILES}, section 2.3",
        "A ∈ R^{m×n}; B ∈ R^{m×m}; G ∈ R^{n×n}; C = A^T B A; s = sum(G ∘ C); ∂s/∂A == B A G^T + B^T A G",
        ("2 B A G", "B A G^T", "B A G + B^T A G^T", "B A G^T - B^T A G"),
    ),
    Identity(
        "chain through a scalar",
        f"{COOKBOOK}, section 2.8.1",
        "X ∈ R^{n×n}; u = tr(X^2); s = sin(u); ∂s/∂X == cos(u) ∂u/∂X",
        ("cos(u) X", "∂u/∂X", "-cos(u) ∂u/∂X", "sin(u) ∂u/∂X"),
    ),
    Identity(
        "sum over branches",
        f"{DEEP}, section 6.5.2",
        """x ∈ R^n; A, B ∈ R^{n×n}
        y = A x
        z = B sin(x)
        s = y^T z
        ∂s/∂x == A^T z + diag(cos(x)) B^T y""",
        ("A^T z", "A^T z + B^T y", "A^T z - diag(cos(x)) B^T y"),
    ),
    Identity(
        "recurrent step applied twice",
        f"{DEEP}, section 10.2.2",
        """W ∈ R^{n×n}; h_0, u ∈ R^n
        h_1 = tanh(W h_0)
        h_2 = tanh(W h_1)
        s = u^T h_2
        δ_2 = u ∘ (1 - h_2 .^ 2)
        δ_1 = W^T δ_2 ∘ (1 - h_1 .^ 2)
        ∂s/∂W == δ_2 h_1^T + δ_1 h_0^T""",
        ("δ_2 h_1^T", "δ_1 h_0^T", "δ_2 h_1^T - δ_1 h_0^T", "δ_1 h_1^T + δ_2 h_0^T"),
    ),
    Identity(
        "residual block",
        "He and others, Identity Mappings in Deep Residual Networks (2016), eq. 5",
        "x ∈ R^n; W ∈ R^{n×n}; y = x + f(W x); ∂y/∂x == I + diag(f'(W x)) W",
        ("diag(f'(W x)) W", "I + W", "I - diag(f'(W x)) W", "I + W^T diag(f'(W x))"),
    ),
)

LOSSES = (
    Identity(
        "least squares",
        f"{BOYD}, section A.4.1",
        "A ∈ R^{m×n}; x ∈ R^n; b ∈ R^m; s = ‖A x - b‖^2; ∂s/∂x == 2 A^T (A x - b)",
        ("A^T (A x - b)", "2 (A^T A x - b^T b x)", "2 A^T (b - A x)", "2 A^T A x"),
    ),
    Identity(
        "normal equations",
        f"{DEEP}, section 5.1.4",
        "X ∈ R^{m×n}; w ∈ R^n; y ∈ R^m; L = (X w - y)^T (X w - y); ∂L/∂w == 2 X^T X w - 2 X^T y",
        ("2 X^T X w", "X^T X w - X^T y", "2 X^T X w + 2 X^T y"),
    ),
    Identity(
        "least squares at its solution",
        f"{GOLUB}, section 5.3.2",
        "A ∈ R^{m×2}; b ∈ R^m; x = (A^T A)^-1 A^T b; ∂x/∂b == (A^T A)^-1 A^T",
        ("A^T", "A (A^T A)^-1", "-(A^T A)^-1 A^T"),
    ),
    Identity(
        "ridge regression",
        f"{BISHOP}, section 3.1.4",
        "X ∈ R^{m×n}; w ∈ R^n; t ∈ R^m; λ ∈ R; E = 1/2 ‖t - X w‖^2 + λ/2 w^T w; ∂E/∂w == λ w - X^T (t - X w)",
        ("-X^T (t - X w)", "λ w + X^T (t - X w)", "2 λ w - X^T (t - X w)"),
    ),
    Identity(
        "least squares of a matrix",
        f"{BISHOP}, section 4.1.3",
        "X ∈ R^{m×n}; W ∈ R^{n×k}; T_1 ∈ R^{m×k}; E = X W - T_1; s = 1/2 tr(E^T E); ∂s/∂W == X^T (X W - T_1)",
        ("2 X^T (X W - T_1)", "X^T X W", "X^T (T_1 - X W)"),
    ),
    Identity(
        "mean squared error",
        f"{DEEP}, section 5.1.4",
        "a, b ∈ R^n; s = mse(a, b); ∂s/∂a == 2 (a - b) / n",
        ("2 (a - b)", "(a - b) / n", "2 (b - a) / n"),
    ),
    Identity(
        "logistic regression",
        f"{BISHOP}, eq. 4.91",
        """X ∈ R^{m×n}; w ∈ R^n; t ∈ R^m
        y = sigmoid(X w)
        E = -t^T log(y) - (1 - t)^T log(1 - y)
        ∂E/∂w == X^T (y - t)""",
        ("X^T (t - y)", "X^T y", "X^T ((y - t) ∘ y ∘ (1 - y))"),
    ),
    Identity(
        "logistic loss of one example, in rows",
        f"{BISHOP}, section 4.3.2",
        """@layout numerator
        w, x ∈ R^n; y ∈ R
        L = log(1 + exp(-y w^T x))
        ∂L/∂w == -y sigmoid(-y w^T x) x^T""",
        ("y sigmoid(-y w^T x) x^T", "-y sigmoid(y w^T x) x^T", "-y sigmoid(-y w^T x) x", "-sigmoid(-y w^T x) x^T"),
    ),
    Identity(
        "cross-entropy with the sigmoid, of its logit",
        f"{DEEP}, section 6.2.2.2",
        "z, y ∈ R; J = softplus((1 - 2 y) z); ∂J/∂z == (1 - 2 y) sigmoid((1 - 2 y) z)",
        ("sigmoid((1 - 2 y) z)", "-(1 - 2 y) sigmoid((1 - 2 y) z)", "(1 - 2 y) sigmoid(z)"),
    ),
    Identity(
        "softmax with cross-entropy",
        f"{DEEP}, section 6.2.2.3",
        "z ∈ R^3; y = onehot(1, 3); J = cross_entropy(softmax(z), y); ∂J/∂z == softmax(z) - y",
        ("y - softmax(z)", "softmax(z)", "softmax(z) + y", "z - y"),
    ),
    Identity(
        "softmax with cross-entropy, any distribution",
        f"{BISHOP}, section 4.3.4",
        "z, t ∈ R^n; y = softmax(t); J = cross_entropy(softmax(z), y); ∂J/∂z == softmax(z) - y",
        ("y - softmax(z)", "-y ./ softmax(z)", "z - t"),
    ),
    Identity(
        "cross-entropy by the weights",
        f"{BISHOP}, eq. 4.109",
        """W ∈ R^{n×m}; x ∈ R^m; t ∈ R^n
        y = softmax(t)
        p = softmax(W x)
        J = -y^T log(p)
        ∂J/∂W == (p - y) x^T""",
        ("(y - p) x^T", "p x^T", "x (p - y)^T", "(p - y) (p - y)^T W"),
    ),
    Identity(
        "cross-entropy by the probabilities",
        f"{DEEP}, section 3.13",
        "z, y ∈ R^n; p = softmax(z); J = cross_entropy(p, y); ∂J/∂p == -y ./ p",
        ("y ./ p", "-p ./ y", "-log(p)", "p - y"),
    ),
    Identity(
        "relative entropy by the logits",
        f"{DEEP}, section 3.13",
        """a, z ∈ R^n
        p = softmax(a)
        q = softmax(z)
        D = sum(p ∘ log(p ./ q))
        ∂D/∂z == q - p""",
        ("p - q", "q", "-p ./ q", "q ∘ log(p ./ q)"),
    ),
    Identity(
        "entropy by the probabilities",
        f"{BOYD}, section 3.1.5",
        "x ∈ R^n; p = exp(x); H = -sum(p ∘ log(p)); ∂H/∂p == -log(p) - 1",
        ("-log(p)", "log(p) + 1", "-log(p) + 1"),
    ),
    Identity(
        "Poisson regression",
        "McCullagh and Nelder, Generalized Linear Models (1989), chapter 6",
        "X ∈ R^{m×n}; w ∈ R^n; y ∈ R^m; L = sum(exp(X w / 9)) - y^T X w / 9; ∂L/∂w == X^T (exp(X w / 9) - y) / 9",
        ("X^T (exp(X w / 9) - y)", "X^T (y - exp(X w / 9)) / 9", "X^T exp(X w / 9) / 9"),
    ),
    Identity(
        "log-cosh loss",
        "Murphy, Probabilistic Machine Learning: An Introduction (2022)",
        "a, b ∈ R^n; s = sum(log(cosh(a - b))); ∂s/∂a == tanh(a - b)",
        ("-tanh(a - b)", "sinh(a - b)", "a - b"),
    ),
    Identity(
        "attention of one query",
        "Vaswani and others, Attention Is All You Need (2017), eq. 1",
        """q ∈ R^n; K ∈ R^{m×n}; v ∈ R^m
        p = softmax(K q / 2)
        o = v^T p
        ∂o/∂q == K^T (p ∘ v - o p) / 2""",
        ("K^T (p ∘ v) / 2", "K^T (p ∘ v - o p)", "K^T (p ∘ v + o p) / 2", "K^T (v - o p) / 2"),
    ),
    Identity(
        "matrix factorisation by the left factor",
        "Koren, Bell and Volinsky, Matrix Factorization Techniques for Recommender Systems (2009)",
        "P ∈ R^{m×k}; Q ∈ R^{n×k}; R_1 ∈ R^{m×n}; s = ‖R_1 - P Q^T‖^2; ∂s/∂P == -2 (R_1 - P Q^T) Q",
        ("2 (R_1 - P Q^T) Q", "-(R_1 - P Q^T) Q", "-2 R_1 Q"),
    ),
)

ACTIVATIONS = (
    Identity(
        "sigmoid",
        f"{DEEP}, section 3.10",
        "x ∈ R; y = sigmoid(x); ∂y/∂x == y (1 - y)",
        ("y", "y (1 + y)", "y (y - 1)", "y^2"),
    ),
    Identity(
        "sigmoid in exponentials",
        f"{DEEP}, section 3.10",
        "x ∈ R; y = 1/(1 + exp(-x)); ∂y/∂x == σ(x) (1 - σ(x))",
        ("σ(x)", "-σ(x) (1 - σ(x))", "1 - σ(x)"),
    ),
    Identity(
        "sigmoid, second derivative",
        f"{DEEP}, section 3.10",
        "x ∈ R; y = sigmoid(x); ∂/∂x (∂y/∂x) == y (1 - y) (1 - 2 y)",
        ("y (1 - y)", "y (1 - y) (1 + 2 y)", "y (1 - y) (1 - y)"),
    ),
    Identity(
        "sigmoid of a vector",
        f"{DEEP}, section 6.3.2",
        "x ∈ R^n; y = sigmoid(x); ∂y/∂x == diag(y ∘ (1 - y))",
        ("diag(y)", "y ∘ (1 - y)", "diag(1 - y)"),
    ),
    Identity(
        "hyperbolic tangent",
        f"{DEEP}, section 6.3.2",
        "x ∈ R; y = tanh(x); ∂y/∂x == 1 - tanh(x)^2",
        ("1 + tanh(x)^2", "tanh(x)^2 - 1", "1 - tanh(x)", "1 - y^3"),
    ),
    Identity(
        "hyperbolic tangent of a vector",
        f"{DEEP}, section 6.3.2",
        "x ∈ R^n; y = tanh(x); ∂y/∂x == diag(1 - y .^ 2)",
        ("diag(1 - y)", "diag(1 + y .^ 2)", "I - y y^T"),
    ),
    Identity(
        "softplus",
        f"{DEEP}, section 3.10",
        "x ∈ R; y = log(1 + exp(x)); ∂y/∂x == sigmoid(x)",
        ("sigmoid(-x)", "-sigmoid(x)", "exp(x)", "softplus(x)"),
    ),
    Identity(
        "softplus, second derivative",
        f"{DEEP}, section 3.10",
        "x ∈ R; y = softplus(x); ∂/∂x (∂y/∂x) == sigmoid(x) sigmoid(-x)",
        ("sigmoid(x)", "-sigmoid(x) sigmoid(-x)", "sigmoid(x)^2"),
    ),
    Identity(
        "silu, or swish",
        "Ramachandran, Zoph and Le, Searching for Activation Functions (2017)",
        "x ∈ R; y = x sigmoid(x); ∂y/∂x == y + sigmoid(x) (1 - y)",
        ("sigmoid(x)", "y + sigmoid(x) (1 + y)", "y - sigmoid(x) (1 - y)", "sigmoid(x) (1 - y)"),
    ),
    Identity(
        "gelu",
        "Hendrycks and Gimpel, Gaussian Error Linear Units (2016), section 2",
        "x ∈ R; y = gelu(x); ∂y/∂x == 1/2 (1 + erf(x / sqrt(2))) + x exp(-x^2 / 2) / sqrt(2 π)",
        (
            "1/2 (1 + erf(x / sqrt(2)))",
            "1/2 (1 + erf(x / sqrt(2))) - x exp(-x^2 / 2) / sqrt(2 π)",
            "1/2 (1 + erf(x)) + x exp(-x^2 / 2) / sqrt(2 π)",
            "1/2 (1 + erf(x / sqrt(2))) + x exp(-x^2) / sqrt(2 π)",
        ),
    ),
    Identity(
        "rectifier",
        f"{DEEP}, section 6.3",
        "z ∈ R^n; h = relu(z); ∂h/∂z == diag(1(z > 0))",
        ("diag(1(z < 0))", "-diag(1(z > 0))", "diag(h)"),
    ),
    Identity(
        "softsign",
        "Glorot and Bengio, Understanding the Difficulty of Training Deep Feedforward Neural Networks (2010)",
        "x ∈ R; y = x / (1 + |x|); ∂y/∂x == 1 / (1 + |x|)^2",
        ("1 / (1 + |x|)", "-1 / (1 + |x|)^2", "1 / (1 + x^2)"),
    ),
    Identity(
        "exponential linear unit",
        "Clevert, Unterthiner and Hochreiter, Exponential Linear Units (2015), section 3",
        "x ∈ R; y = elu(x); ∂y/∂x == where(x > 0, 1, y + 1)",
        ("y + 1 + x", "where(x > 0, 0, y + 1)", "where(x > 0, -1, -y - 1)"),
    ),
    Identity(
        "sigmoid as a hyperbolic tangent",
        f"{BISHOP}, eq. 3.6 and exercise 3.1",
        "a ∈ R; 2 sigmoid(2 a) - 1 == tanh(a)",
        ("tanh(2 a)", "tanh(a / 2)", "-tanh(a)"),
    ),
)

SCALARS = (
    Identity(
        "product rule",
        f"{SPIVAK}, chapter 10",
        "x ∈ R; y = f(x) g(x); ∂y/∂x == f'(x) g(x) + f(x) g'(x)",
        ("f'(x) g'(x)", "f'(x) g(x) - f(x) g'(x)", "f'(x) g(x)", "f(x) g'(x)"),
    ),
    Identity(
        "quotient rule",
        f"{SPIVAK}, chapter 10",
        "x ∈ R; y = sin(x) / exp(x); ∂y/∂x == (cos(x) exp(x) - sin(x) exp(x)) / exp(x)^2",
        (
            "cos(x) / exp(x)",
            "(cos(x) exp(x) + sin(x) exp(x)) / exp(x)^2",
            "(cos(x) exp(x) - sin(x) exp(x)) / exp(x)",
            "(sin(x) exp(x) - cos(x) exp(x)) / exp(x)^2",
        ),
    ),
    Identity(
        "quotient rule for any function",
        f"{SPIVAK}, chapter 10",
        "x ∈ R; y = f(x) / (1 + x^2); ∂y/∂x == (f'(x) (1 + x^2) - 2 x f(x)) / (1 + x^2)^2",
        ("f'(x) / (1 + x^2)", "f'(x) / (2 x)", "(f'(x) (1 + x^2) + 2 x f(x)) / (1 + x^2)^2"),
    ),
    Identity(
        "chain rule",
        f"{SPIVAK}, chapter 10",
        "x ∈ R; y = f(g(x)); ∂y/∂x == f'(g(x)) g'(x)",
        ("f'(g(x))", "f'(x) g'(x)", "f'(g'(x))", "f(g(x)) g'(x)"),
    ),
    Identity(
        "chain rule, twice",
        f"{SPIVAK}, chapter 10",
        "x ∈ R; y = f(g(x)); ∂/∂x (∂y/∂x) == f''(g(x)) g'(x)^2 + f'(g(x)) g''(x)",
        ("f''(g(x)) g'(x)^2", "f''(g(x)) g''(x)", "f''(g(x)) g'(x)^2 - f'(g(x)) g''(x)", "f''(g(x)) g'(x)"),
    ),
    Identity(
        "power rule", f"{SPIVAK}, chapter 10", "x ∈ R; y = x^5; ∂y/∂x == 5 x^4", ("x^4", "5 x^5", "4 x^5", "5 x^6")
    ),
    Identity(
        "power rule, negative exponent",
        f"{SPIVAK}, chapter 10",
        "x ∈ R; y = x^-3; ∂y/∂x == -3 x^-4",
        ("3 x^-4", "-3 x^-2", "-3 x^-3"),
    ),
    Identity(
        "general power by its base",
        f"{SPIVAK}, chapter 18",
        "x, a ∈ R; y = exp(x)^a; z = exp(x); ∂y/∂x == a z^a",
        ("z^a", "a z^(a - 1)", "-a z^a"),
    ),
    Identity(
        "exponential with base a",
        f"{SPIVAK}, chapter 18",
        "x ∈ R; y = 2^x; ∂y/∂x == 2^x log(2)",
        ("2^(x - 1) x", "2^x", "-2^x log(2)"),
    ),
    Identity(
        "logarithm of the size",
        f"{SPIVAK}, chapter 18",
        "x ∈ R; y = log(|x|); ∂y/∂x == 1 / x",
        ("1 / |x|^2", "-1 / x", "log(|x|) / x"),
    ),
    Identity(
        "logarithmic derivative",
        f"{SPIVAK}, chapter 18",
        "x ∈ R; u = 1 + x^2; y = log(u); ∂y/∂x == 2 x / u",
        ("1 / u", "2 x / u^2", "-2 x / u"),
    ),
    Identity(
        "square root",
        f"{SPIVAK}, chapter 12",
        "x ∈ R; y = sqrt(1 + x^2); ∂y/∂x == x / sqrt(1 + x^2)",
        ("1 / (2 sqrt(1 + x^2))", "2 x / sqrt(1 + x^2)", "-x / sqrt(1 + x^2)"),
    ),
    Identity("sine", f"{SPIVAK}, chapter 15", "x ∈ R; y = sin(x); ∂y/∂x == cos(x)", ("-cos(x)", "sin(x)", "2 cos(x)")),
    Identity("cosine", f"{SPIVAK}, chapter 15", "x ∈ R; y = cos(x); ∂y/∂x == -sin(x)", ("sin(x)", "cos(x)", "-cos(x)")),
    Identity(
        "tangent",
        f"{SPIVAK}, chapter 15",
        "x ∈ R; y = tan(x); ∂y/∂x == 1 / cos(x)^2",
        ("1 / cos(x)", "-1 / cos(x)^2", "1 - tan(x)^2"),
    ),
    Identity(
        "double angle",
        f"{SPIVAK}, chapter 15",
        "x ∈ R; y = sin(x)^2; ∂y/∂x == sin(2 x)",
        ("2 sin(x)", "cos(x)^2", "sin(x)", "-sin(2 x)"),
    ),
    Identity(
        "inverse tangent",
        f"{SPIVAK}, chapter 15",
        "x ∈ R; y = arctan(x); ∂y/∂x == 1 / (1 + x^2)",
        ("1 / (1 - x^2)", "-1 / (1 + x^2)", "1 / sqrt(1 + x^2)"),
    ),
    Identity(
        "inverse sine",
        f"{SPIVAK}, chapter 15",
        "t ∈ R; x = tanh(t); y = arcsin(x); ∂y/∂x == 1 / sqrt(1 - x^2)",
        ("-1 / sqrt(1 - x^2)", "1 / sqrt(1 + x^2)", "1 / (1 - x^2)"),
    ),
    Identity(
        "inverse hyperbolic sine",
        f"{ABRAMOWITZ}, section 4.6",
        "x ∈ R; y = arcsinh(x); ∂y/∂x == 1 / sqrt(1 + x^2)",
        ("1 / (1 + x^2)", "-1 / sqrt(1 + x^2)", "x / sqrt(1 + x^2)"),
    ),
    Identity(
        "hyperbolic functions",
        f"{ABRAMOWITZ}, section 4.5",
        "x ∈ R; y = cosh(x); ∂y/∂x == sinh(x)",
        ("-sinh(x)", "cosh(x)", "sinh(x)^2"),
    ),
    Identity(
        "error function",
        f"{ABRAMOWITZ}, section 7.1",
        "x ∈ R; y = erf(x); ∂y/∂x == 2 / sqrt(π) exp(-x^2)",
        ("exp(-x^2)", "2 / sqrt(π) exp(-x)", "2 / sqrt(π) exp(x^2)", "1 / sqrt(π) exp(-x^2)"),
    ),
    Identity(
        "density of the normal distribution",
        f"{ABRAMOWITZ}, section 26.2",
        "x ∈ R; φ = exp(-x^2 / 2) / sqrt(2 π); ∂φ/∂x == -x φ",
        ("x φ", "-φ", "-2 x φ", "-x"),
    ),
    Identity(
        "Gaussian by its width",
        f"{BISHOP}, section 2.3",
        "x, μ, t ∈ R; s = exp(t); p = exp(-(x - μ)^2 / (2 s^2)); ∂p/∂s == p (x - μ)^2 / s^3",
        ("-p (x - μ)^2 / s^3", "p (x - μ)^2 / s^2", "p (x - μ) / s^3"),
    ),
)

ALGEBRA = (
    Identity(
        "inverse of a product",
        cookbook(1),
        "A, B ∈ R^{n×n}; (A B)^-1 == B^-1 A^-1",
        ("A^-1 B^-1", "B^-1 A", "-B^-1 A^-1"),
    ),
    Identity("inverse of a transpose", cookbook(3), "A ∈ R^{n×n}; (A^T)^-1 == (A^-1)^T", ("A^-1", "A^T", "-A^-T")),
    Identity(
        "transpose of a product",
        cookbook(5),
        "A, B ∈ R^{n×n}; (A B)^T == B^T A^T",
        ("A^T B^T", "B A", "-B^T A^T"),
    ),
    Identity(
        "trace of two factors",
        cookbook(14),
        "A ∈ R^{m×n}; B ∈ R^{n×m}; tr(A B) == tr(B A)",
        ("-tr(B A)", "tr(A A^T)", "2 tr(B A)"),
    ),
    Identity(
        "trace is linear",
        cookbook(15),
        "A, B ∈ R^{n×n}; tr(A + B) == tr(A) + tr(B)",
        ("tr(A) - tr(B)", "tr(A) tr(B)", "tr(A)"),
    ),
    Identity(
        "trace of three factors",
        cookbook(16),
        "A, B, C ∈ R^{n×n}; tr(A B C) == tr(B C A)",
        ("tr(A C B)", "tr(C B A)", "-tr(B C A)"),
    ),
    Identity(
        "inner product as a trace",
        cookbook(17),
        "a ∈ R^n; a^T a == tr(a a^T)",
        ("-tr(a a^T)", "2 tr(a a^T)", "‖a‖"),
    ),
    Identity(
        "determinant of a multiple",
        cookbook(19),
        "A ∈ R^{n×n}; c ∈ R; det(c A) == c^n det(A)",
        ("c det(A)", "c^(n - 1) det(A)", "-c^n det(A)"),
    ),
    Identity(
        "determinant of a product, by factors",
        cookbook(21),
        "A, B ∈ R^{n×n}; det(A B) == det(A) det(B)",
        ("det(A) + det(B)", "det(A)", "-det(A) det(B)", "det(A) / det(B)"),
    ),
    Identity(
        "determinant of an inverse, as a quotient",
        cookbook(22),
        "A ∈ R^{n×n}; det(A^-1) == 1 / det(A)",
        ("det(A)", "-1 / det(A)", "1 / det(A)^2"),
    ),
    Identity(
        "determinant of a rank-one change of I",
        cookbook(24),
        "u, v ∈ R^n; det(I + u v^T) == 1 + u^T v",
        ("u^T v", "1 - u^T v", "1 + u^T u", "1 + 2 u^T v"),
    ),
    Identity(
        "determinant of I plus a matrix, 2×2",
        cookbook(25),
        "A ∈ R^{2×2}; det(I + A) == 1 + det(A) + tr(A)",
        ("1 + det(A)", "det(A) + tr(A)", "1 + det(A) - tr(A)"),
    ),
    Identity(
        "determinant of I plus a matrix, 3×3",
        cookbook(26),
        "A ∈ R^{3×3}; det(I + A) == 1 + det(A) + tr(A) + 1/2 tr(A)^2 - 1/2 tr(A^2)",
        ("1 + det(A) + tr(A)", "1 + det(A) + tr(A) + 1/2 tr(A)^2 + 1/2 tr(A^2)", "det(A) + tr(A)"),
    ),
    Identity(
        "inverse by the adjugate",
        cookbook(151),
        "A ∈ R^{n×n}; A^-1 == adj(A) / det(A)",
        ("adj(A)", "adj(A)^T / det(A)", "-adj(A) / det(A)"),
    ),
    Identity(
        "Woodbury identity",
        cookbook(156),
        """A ∈ R^{n×n}; B ∈ R^{k×k}; C ∈ R^{n×k}
        (A + C B C^T)^-1 == A^-1 - A^-1 C (B^-1 + C^T A^-1 C)^-1 C^T A^-1""",
        (
            "A^-1 + A^-1 C (B^-1 + C^T A^-1 C)^-1 C^T A^-1",
            "A^-1 - A^-1 C (B + C^T A^-1 C)^-1 C^T A^-1",
            "A^-1 - A^-1 C B C^T A^-1",
        ),
    ),
    Identity(
        "Sherman-Morrison formula",
        cookbook(160),
        "A ∈ R^{n×n}; b, c ∈ R^n; (A + b c^T)^-1 == A^-1 - (A^-1 b c^T A^-1) / (1 + c^T A^-1 b)",
        (
            "A^-1 + (A^-1 b c^T A^-1) / (1 + c^T A^-1 b)",
            "A^-1 - A^-1 b c^T A^-1",
            "A^-1 - (A^-1 c b^T A^-1) / (1 + c^T A^-1 b)",
        ),
    ),
    Identity(
        "Searle's identity of one matrix",
        cookbook(161),
        "A ∈ R^{n×n}; (I + A^-1)^-1 == A (A + I)^-1",
        ("A (A - I)^-1", "(A + I)^-1", "-A (A + I)^-1"),
    ),
    Identity(
        "parallel sum",
        cookbook(163),
        "A, B ∈ R^{n×n}; (A^-1 + B^-1)^-1 == A (A + B)^-1 B",
        ("A + B", "A (A - B)^-1 B", "-A (A + B)^-1 B", "A (A + B) B"),
    ),
    Identity(
        "Searle's identity of a sum",
        cookbook(164),
        "A, B ∈ R^{n×n}; A - A (A + B)^-1 A == B - B (A + B)^-1 B",
        ("B + B (A + B)^-1 B", "B", "A - B (A + B)^-1 B"),
    ),
    Identity(
        "push-through identity",
        cookbook(167),
        "A ∈ R^{m×n}; B ∈ R^{n×m}; (I + A B)^-1 A == A (I + B A)^-1",
        ("A (I - B A)^-1", "A (I + B A)", "-A (I + B A)^-1"),
    ),
    Identity(
        "Kronecker product is linear",
        cookbook(506),
        "A ∈ R^{m×n}; B, C ∈ R^{p×k}; A ⊗ (B + C) == A ⊗ B + A ⊗ C",
        ("A ⊗ B", "A ⊗ B - A ⊗ C", "B ⊗ A + C ⊗ A"),
    ),
    Identity(
        "transpose of a Kronecker product",
        cookbook(510),
        "A ∈ R^{m×n}; B ∈ R^{p×k}; (A ⊗ B)^T == A^T ⊗ B^T",
        ("B^T ⊗ A^T", "A ⊗ B", "-(A^T ⊗ B^T)"),
    ),
    Identity(
        "mixed product of Kronecker products",
        cookbook(511),
        "A ∈ R^{m×n}; B ∈ R^{p×k}; C ∈ R^{n×k}; D ∈ R^{k×n}; (A ⊗ B) (C ⊗ D) == (A C) ⊗ (B D)",
        ("(B D) ⊗ (A C)", "-(A C) ⊗ (B D)", "2 (A C) ⊗ (B D)"),
    ),
    Identity(
        "inverse of a Kronecker product",
        cookbook(512),
        "A ∈ R^{m×m}; B ∈ R^{n×n}; (A ⊗ B)^-1 == A^-1 ⊗ B^-1",
        ("B^-1 ⊗ A^-1", "A^-1 ⊗ B", "-(A^-1 ⊗ B^-1)"),
    ),
    Identity(
        "trace of a Kronecker product, by factors",
        cookbook(515),
        "A ∈ R^{m×m}; B ∈ R^{n×n}; tr(A ⊗ B) == tr(A) tr(B)",
        ("tr(A) + tr(B)", "tr(A)", "-tr(A) tr(B)"),
    ),
    Identity(
        "determinant of a Kronecker product",
        cookbook(516),
        "A ∈ R^{n×n}; B ∈ R^{m×m}; det(A ⊗ B) == det(A)^m det(B)^n",
        ("det(A)^n det(B)^m", "det(A) det(B)", "-det(A)^m det(B)^n"),
    ),
    Identity(
        "vec of a product",
        cookbook(520),
        "A ∈ R^{m×n}; X ∈ R^{n×p}; B ∈ R^{p×k}; vec(A X B) == (B^T ⊗ A) vec(X)",
        ("(A ⊗ B^T) vec(X)", "-(B^T ⊗ A) vec(X)", "vec(A) ⊗ vec(B)"),
    ),
    Identity(
        "trace as an inner product of vecs",
        cookbook(521),
        "A, B ∈ R^{m×n}; tr(A^T B) == vec(A)^T vec(B)",
        ("vec(A)^T vec(A)", "-vec(A)^T vec(B)", "2 vec(A)^T vec(B)"),
    ),
    Identity(
        "vec of an outer product",
        f"{MAGNUS}, chapter 2, section 4",
        "a ∈ R^m; b ∈ R^n; vec(a b^T) == b ⊗ a",
        ("a ⊗ b", "-b ⊗ a", "2 b ⊗ a"),
    ),
    Identity(
        "matrix determinant lemma",
        f"{HORN_ANALYSIS}, section 0.8.5",
        "A ∈ R^{n×n}; u, v ∈ R^n; det(A + u v^T) == (1 + v^T A^-1 u) det(A)",
        ("det(A)", "(1 - v^T A^-1 u) det(A)", "1 + v^T A^-1 u", "(1 + v^T A u) det(A)"),
    ),
    Identity(
        "determinants of two orders",
        "Sylvester's theorem, as in Harville, Matrix Algebra from a Statistician's Perspective (1997), section 18.1",
        "A ∈ R^{m×n}; B ∈ R^{n×m}; det(I + A B) == det(I + B A)",
        ("det(I - B A)", "1 + det(B A)", "-det(I + B A)"),
    ),
    Identity(
        "bilinear form of a Hadamard product",
        f"{HORN}, section 5.1",
        "x ∈ R^m; y ∈ R^n; A, B ∈ R^{m×n}; x^T (A ∘ B) y == tr(diag(x) A diag(y) B^T)",
        ("tr(diag(x) A B^T)", "-tr(diag(x) A diag(y) B^T)", "tr(diag(x) B diag(y) B^T)"),
    ),
    Identity(
        "Hadamard product of outer products",
        f"{HORN}, section 5.1",
        "a, c ∈ R^m; b, d ∈ R^n; (a b^T) ∘ (c d^T) == (a ∘ c) (b ∘ d)^T",
        ("(a ∘ c) b^T", "a b^T", "-(a ∘ c) (b ∘ d)^T"),
    ),
    Identity(
        "Lagrange's identity",
        "Lagrange's identity, as in Hardy, Littlewood and Pólya, Inequalities (1952), section 2.4",
        "a, b ∈ R^3; ‖cross(a, b)‖^2 == ‖a‖^2 ‖b‖^2 - (a^T b)^2",
        ("‖a‖^2 ‖b‖^2", "‖a‖^2 ‖b‖^2 + (a^T b)^2", "‖a‖ ‖b‖ - a^T b"),
    ),
    Identity(
        "polarisation",
        f"{HORN_ANALYSIS}, section 5.1",
        "x, y ∈ R^n; x^T y == 1/4 (‖x + y‖^2 - ‖x - y‖^2)",
        ("1/2 (‖x + y‖^2 - ‖x - y‖^2)", "1/4 (‖x + y‖^2 + ‖x - y‖^2)", "1/4 (‖x - y‖^2 - ‖x + y‖^2)"),
    ),
)

IDENTITIES = (
    *LINEAR_AND_QUADRATIC,
    *TRACES,
    *DETERMINANTS,
    *INVERSES,
    *NORMS,
    *JACOBIANS,
    *HESSIANS,
    *STRUCTURES,
    *CHAINS,
    *LOSSES,
    *ACTIVATIONS,
    *SCALARS,
    *ALGEBRA,
)
