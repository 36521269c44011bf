"""The one registry of diagnostic codes: what `gradcalc explain`, docs/errors.md and the exit status read.

Nothing is imported but `gradcalc.errors`, so that explaining a code costs no start-up time.
"""

from __future__ import annotations

from msgspec import Struct

from gradcalc.errors import Exit


class Code(Struct, frozen=True):
    """One code.

    `example` provokes it and `mended` is the same without the fault; either is the text of an equation
    file, or a command line if it begins with `$ `. `exit` is the exit status of an error; a warning or a
    flag has none.
    """

    title: str
    explanation: str
    example: str
    mended: str
    exit: Exit | None = Exit.INPUT

    @property
    def is_command(self) -> bool:
        """Whether the example is a command line and not a text."""
        return self.example.startswith("$ ")


_TEXT = {
    "syntax": Code(
        "Something stands where it cannot",
        "The statement makes sense up to the marked place, and what stands there cannot go on from it. The message "
        "says what could stand there instead.",
        "z = W * / x; W = 2; x = 3",
        "z = W * x; W = 2; x = 3",
    ),
    "unexpected-end": Code(
        "A statement ends early",
        "A statement ends at a newline or at `;`. Here it ends where something more must follow, often a value "
        "after an operator. Inside brackets a statement may go on over several lines.",
        "s = u h +; u = 2; h = 3",
        "s = u h + 1; u = 2; h = 3",
    ),
    "unclosed-bracket": Code(
        "A bracket is never closed",
        "Every `(`, `[`, `{`, `|` and `||` needs its partner. A newline inside brackets does not end the statement, "
        "so a bracket that is left open would swallow the lines after it.",
        "z = (x + y; x = 1; y = 2",
        "z = (x + y); x = 1; y = 2",
    ),
    "unopened-bracket": Code(
        "A closing bracket that closes nothing",
        "No bracket is open where this one closes. Either it is one too many, or its partner is missing before it.",
        "z = x + y); x = 1; y = 2",
        "z = (x + y); x = 1; y = 2",
    ),
    "mismatched-bracket": Code(
        "A bracket closed by one of another kind",
        "Brackets close in the order opposite to that in which they open, each with its own kind.",
        "z = [1, (2]",
        "z = [1, (2)]",
    ),
    "missing-operator": Code(
        "Two values with no operator between them",
        "Side by side stand a number and a name (`2 x`) or two names (`W x`), and that multiplies them. A number does "
        "not multiply what stands before it, so that `x 2` cannot be taken for x².",
        "z = x 2; x = 1",
        "z = x * 2; x = 1",
    ),
    "missing-comma": Code(
        "Entries with no comma between them",
        "The entries of a vector are separated by commas, the rows of a matrix by `;`. Blanks separate nothing.",
        "x = [1 2]",
        "x = [1, 2]",
    ),
    "forbidden-character": Code(
        "An invisible or control character",
        "Characters that cannot be seen, or that change the direction of the text around them, can make a file mean "
        "something else than it shows. They are refused by their code point, wherever they stand.",
        "x = 1\u200b",
        "x = 1",
    ),
    "unknown-character": Code(
        "A character that has no meaning here",
        "Equations consist of Latin and Greek letters, digits, `_`, brackets and the operators of the language. This "
        "character is none of them.",
        "z = x ? y; x = 1; y = 2",
        "z = x + y; x = 1; y = 2",
    ),
    "unknown-symbol": Code(
        "A backslash word that is not known",
        "A few LaTeX spellings are read as their symbols: Greek letters (\\delta), \\partial, the products \\cdot, "
        "\\circ, \\odot and \\otimes, the comparisons \\leq, \\geq and \\neq. There are no others.",
        "z = \\foo x; x = 1",
        "z = \\phi x; x = 1; φ = 2",
    ),
    "bad-left-side": Code(
        "The left side of `=` is not a name",
        "An equation defines what stands on its left: a name, or a function of names. To compare two expressions, "
        "write a claim with `==`; `gradcalc check` tests it.",
        "2 x = y",
        "2 x == y; x = 1; y = 2",
    ),
    "bad-layout": Code(
        "A layout that does not exist",
        "The layout says how gradients are laid out: `shape` gives ∂s/∂x the shape of x, `numerator` makes it a row.",
        "@layout column",
        "@layout numerator; s = x^2; x = 3",
    ),
    "bad-labels": Code(
        "Labels that do not label a vector",
        "Labels stand beside the entries of a vector: all entries have one, and they differ. A matrix has none.",
        "x = [Paris: 1, 2]",
        "x = [Paris: 1, Rome: 2]",
    ),
    "bad-shape": Code(
        "Something that is not a shape",
        "A shape has one or two sizes, each a number or a symbol: `R^3`, `R^n`, `R^{n×m}`, or `R^(2x3)` on a "
        "keyboard without ×. A scalar is in `R`.",
        "x in R^{n×}",
        "x in R^{n×m}; x = [1, 2; 3, 4]",
    ),
    "literal-range": Code(
        "A number too large for a 64-bit float",
        "Numbers are 64-bit floats; the largest is about 1.8e308.",
        "x = 1e400",
        "x = 1e300",
    ),
    "bad-literal": Code(
        "Brackets that do not make a vector or a matrix",
        "The rows of a matrix have one length, and every entry is a scalar. `concat` and `stack` put blocks together.",
        "A = [1, 2; 3]",
        "A = [1, 2; 3, 4]",
    ),
}

_NAMES = {
    "unknown-name": Code(
        "A name that nothing defines",
        "The name has no equation, no data and no declaration. Names side by side need a space between them: `W x` "
        "is a product, `Wx` is one name.",
        "z = W x + c; W = 2; x = 3",
        "z = W x + c; W = 2; x = 3; c = 1",
    ),
    "unknown-function": Code(
        "A function that is not known",
        "What stands before the bracket is no value and no function of the file or of the table; a known function "
        "has a similar name. `gradcalc functions` lists all.",
        "h = sigmod(z); z = 1",
        "h = sigmoid(z); z = 1",
    ),
    "undefined-function": Code(
        "A function without a definition",
        "A function that is not defined is fine for a derivation in symbols (`gradcalc derive`), but numbers need to "
        "know what it does. Define it, or make it another name for a known one.",
        "h = f(z); z = 1",
        "h = f(z); z = 1; f = tanh",
    ),
    "function-as-value": Code(
        "A function where a value belongs",
        "A function is no value by itself: it needs an argument in brackets.",
        "h = tanh + 1",
        "h = tanh(z) + 1; z = 2",
    ),
    "not-a-function": Code(
        "A value that is called like a function",
        "Before a bracket with one expression a value multiplies it. Two or more expressions only a function takes.",
        "z = W (x, 2); W = 1; x = 3",
        "z = max(x, 2); x = 3",
    ),
    "wrong-arguments": Code(
        "A function with the wrong number of arguments",
        "Each function takes a fixed number of arguments, or a range of them. `gradcalc functions NAME` says which.",
        "z = exp(x, 2); x = 1",
        "z = exp(x); x = 1",
    ),
    "bad-argument": Code(
        "An option that the function does not have",
        "The one option is `axis=0` (down the columns) or `axis=1` (across the rows), for reductions and the softmax "
        "family.",
        "z = exp(x, axis=0); x = [1, 2]",
        "z = sum(x, axis=0); x = [1, 2]",
    ),
    "duplicate-name": Code(
        "A name that is defined twice",
        "Equations form a graph, and their order does not matter. So a name has one definition, and an assignment "
        "does not replace an earlier one.",
        "x = 1; x = 2",
        "x = 1; y = 2 x",
    ),
    "cycle": Code(
        "A value that is defined by itself",
        "Every value must follow from others. A chain of equations that leads back to its beginning has no first "
        "value to compute. A function that calls itself is the same fault: calls are expanded.",
        "a = b + 1; b = a / 2",
        "a = b + 1; b = 2",
    ),
    "missing-data": Code(
        "An input without a value",
        "The name is declared as an input, and a run in numbers needs its value: in the file, with --set, or in a "
        "data file. Without data, `gradcalc derive` still gives the derivation in symbols.",
        "s = x^2; x (input)",
        "s = x^2; x = 3",
    ),
    "given-computed": Code(
        "Data for a value that is computed",
        "Data from outside goes in for inputs: names that have data in the file, or a declaration only. A value with "
        "an equation on other names is computed from them.",
        "$ gradcalc run -e 'z = 2 x; x = 1' --set z=5",
        "$ gradcalc run -e 'z = 2 x; x = 1' --set x=5",
    ),
    "no-target": Code(
        "Nothing to differentiate",
        "The text has no equation. A file needs at least one computed value.",
        "# nothing but a comment",
        "s = x^2; x = 3",
    ),
}

_SHAPES = {
    "shape-mismatch": Code(
        "Values whose shapes do not fit",
        "A matrix product needs as many columns on the left as rows on the right. Sums, quotients and entry-by-entry "
        "operations need one shape; a scalar goes with everything, a row or a column with a matrix that has its "
        "length on that side. A vector is a column: `u^T h` is a scalar, `u h^T` a matrix.",
        "z = W x; W = [1, 2; 3, 4]; x = [1, 2, 3]",
        "z = W x; W = [1, 2; 3, 4]; x = [1, 2]",
    ),
    "declared-shape": Code(
        "A computed value that has another shape than declared",
        "`z in R^3` is a promise that the equations must keep. A symbol such as n is the same size everywhere.",
        "z in R^3; z = 2 x; x = [1, 2]",
        "z in R^2; z = 2 x; x = [1, 2]",
    ),
    "data-shape": Code(
        "Data that has another shape than expected",
        "Data must have the shape that the file declares, and a symbol such as n is the same size everywhere. An "
        "upstream gradient has the shape of the target; arrays of a prepared function have their shape, with one "
        "more axis for a batch.",
        "x in R^3; s = sum(x); x = [1, 2]",
        "x in R^3; s = sum(x); x = [1, 2, 3]",
    ),
    "unknown-size": Code(
        "An identity whose size does not follow",
        "`I` takes its size from what stands beside it, as in `A + I`. Where nothing gives one, write `eye(3)`.",
        "s = trace(I)",
        "s = trace(eye(3))",
    ),
    "bad-exponent": Code(
        "An exponent that a matrix does not have",
        "A square matrix has whole powers, written out: A^2, A^-1. For the power of every entry write `.^`.",
        "B = A^0.5; A = [2, 1; 1, 2]",
        "B = A .^ 0.5; A = [2, 1; 1, 2]",
    ),
    "bad-index": Code(
        "An index that is not a place",
        "Indices are whole numbers from 0, written out, and ranges of them: x[0], W[1, 2], E[3, :].",
        "s = x[k]; x = [1, 2]; k = 1",
        "s = x[1]; x = [1, 2]",
    ),
    "bad-derivative": Code(
        "A derivative by something that cannot vary",
        "∂s/∂x is by a value that stands in the file. The prime in f' is for functions of one number.",
        "s = x^2; x = 3; d = ∂s/∂(2)",
        "s = x^2; x = 3; d = ∂s/∂x",
    ),
    "no-closed-form": Code(
        "A derivative without a closed form",
        "A scalar by anything has a gradient, and the Jacobian of most operations is made of products, diagonals and "
        "Kronecker products. This one is not, so that no expression can stand for it. Its numbers are there all the "
        "same: `gradcalc jacobian`.",
        "P = softmax(A, axis=1); A = [1, 2; 3, 4]; D = ∂P/∂A",
        "P = softmax(A, axis=1); A = [1, 2; 3, 4]; s = sum(P); D = ∂s/∂A",
    ),
    "not-a-scalar": Code(
        "A gradient of something that is not a scalar",
        "A prepared function returns gradients, and a gradient is of a scalar. It is never summed silently.",
        "$ python -c \"import gradcalc; gradcalc.loads('h = 2 x').compile(of='h')(x=[1, 2])\"",
        "$ python -c \"import gradcalc; gradcalc.loads('s = sum(2 x)').compile(of='s')(x=[1, 2])\"",
    ),
}

_NUMBERS = {
    "domain": Code(
        "A value out of domain",
        "The function has no real value there: log of a negative number, sqrt of -1, arcsin of 2.",
        "s = log(x); x = -1",
        "s = log(x); x = 2",
        Exit.NUMERIC,
    ),
    "division-by-zero": Code(
        "A division by zero",
        "The divisor is 0. A branch of `where` that is not taken may divide by zero: it counts for nothing.",
        "s = 1 / x; x = 0",
        "s = 1 / x; x = 2",
        Exit.NUMERIC,
    ),
    "ill-conditioned": Code(
        "A matrix that is nearly singular",
        "The condition number says how many times larger relative errors of the entries become in the inverse, a "
        "solution or the logarithm of a determinant: at 1e10, ten of the 16 digits of entries that were rounded are "
        "lost. It is the smaller of the largest row sums of |A^-1| |A| and |A| |A^-1|, which scaling rows or columns "
        "does not make larger. Where the entries are exact, all digits of the result are right.",
        "B = A^-1; A = [1, 2; 1.0000000001, 2]",
        "B = A^-1; A = [1, 2; 3, 4]",
        None,
    ),
    "singular-matrix": Code(
        "A matrix that has no inverse",
        "The rows of the matrix depend on each other: its determinant is 0, and it cannot be inverted or solved with. "
        "One that is singular to 16 digits would be if each entry were rounded once more.",
        "B = A^-1; A = [1, 2; 2, 4]",
        "B = A^-1; A = [1, 2; 3, 4]",
        Exit.NUMERIC,
    ),
    "overflow": Code(
        "A value too large for a 64-bit float",
        "The result is beyond 1.8e308. Often a form that does not overflow exists: logsumexp for log(sum(exp(x))).",
        "s = exp(x); x = 1000",
        "s = exp(x); x = 10",
        Exit.NUMERIC,
    ),
    "undefined-value": Code(
        "A value that is not a number",
        "Infinities met so that nothing follows, as in infinity minus infinity.",
        "$ gradcalc run -e 's = mean(x)' --set x=[]",
        "$ gradcalc run -e 's = mean(x)' --set x=[1,2]",
        Exit.NUMERIC,
    ),
}

_LIMITS = {
    "limit-file": Code(
        "A text beyond the limit",
        "A text has at most 16 MiB. Data of that size goes into a data file.",
        "$ gradcalc run -e 's = x^2; x = 3' --limit file_bytes=5",
        "$ gradcalc run -e 's = x^2; x = 3' --limit file_bytes=100",
        Exit.LIMIT,
    ),
    "limit-nesting": Code(
        "Constructs nested too deep",
        "Brackets, calls, powers, signs, transposes and indices nest at most 200 deep. Sums and products with many "
        "terms do not nest.",
        "$ gradcalc run -e 's = (((x))); x = 1' --limit nesting=2",
        "$ gradcalc run -e 's = ((x)); x = 1' --limit nesting=2",
        Exit.LIMIT,
    ),
    "limit-literal": Code(
        "A number with too many characters",
        "A number has at most 400 characters. A 64-bit float keeps about 17 digits of them.",
        "$ gradcalc run -e 's = 0.12345 x; x = 1' --limit literal=5",
        "$ gradcalc run -e 's = 0.123 x; x = 1' --limit literal=5",
        Exit.LIMIT,
    ),
    "limit-name": Code(
        "A name with too many characters",
        "A name has at most 128 characters, in a text and in a file of data.",
        "$ gradcalc run -e 'score = x; x = 1' --limit name=4",
        "$ gradcalc run -e 's = x; x = 1' --limit name=4",
        Exit.LIMIT,
    ),
    "limit-nodes": Code(
        "A graph with too many nodes",
        "With its functions expanded, a file makes at most 1,000,000 nodes. Functions that call functions several "
        "times grow quickly; they are counted before anything is built.",
        "$ gradcalc run -e 's = sin(cos(x)); x = 1' --limit nodes=1",
        "$ gradcalc run -e 's = sin(cos(x)); x = 1' --limit nodes=100",
        Exit.LIMIT,
    ),
    "limit-entries": Code(
        "An array with too many entries",
        "An array has at most 10,000,000 entries, and all arrays of a run at most ten times as many together. Shapes "
        "are known before anything is computed, so nothing was allocated.",
        "s = sum(ones(100000, 100000))",
        "s = sum(ones(100, 100))",
        Exit.LIMIT,
    ),
    "limit-side": Code(
        "A matrix too large to invert",
        "Inverses, determinants and systems of equations take the cube of a matrix's side in time; the side is at most "
        "2,000.",
        "B = inv(eye(3000))",
        "B = inv(eye(3))",
        Exit.LIMIT,
    ),
    "limit-data": Code(
        "A data file beyond the limit",
        "A data file has at most 256 MiB, counted after it is inflated, and as the float64 that it becomes.",
        "$ gradcalc run -e 's = sum(x)' --data big.npz --limit data_bytes=1000",
        "$ gradcalc run -e 's = sum(x)' --data big.npz --limit data_bytes=1000000",
        Exit.LIMIT,
    ),
}

_FILES = {
    "unreadable-file": Code(
        "A file that cannot be read",
        "The file does not exist, may not be read, or is not of the format that its suffix says.",
        "$ gradcalc run missing.eq",
        "$ gradcalc run samples/score.eq",
        Exit.FILE,
    ),
    "not-utf8": Code(
        "A file that is not UTF-8",
        "Equation files, JSON and CSV are UTF-8. Save the file in that encoding; a byte order mark is accepted.",
        "$ printf 's = \\351' | gradcalc run -",
        "$ printf 's = 2' | gradcalc run -",
    ),
    "unwritable-file": Code(
        "A file that cannot be written",
        "The folder does not exist or may not be written to, the disk is full, or the file is one that is read. A "
        "result is written whole or not at all. The records of a batch are written as whole lines, and `--resume` goes "
        "on behind those that are there; a file that another batch writes is refused.",
        "$ gradcalc run -e 's = x^2; x = 3' -o missing/run.json",
        "$ gradcalc run -e 's = x^2; x = 3' -o run.json",
        Exit.FILE,
    ),
    "bad-data": Code(
        "Data that is not numbers",
        "A value is a number, a list (a column), a list of lists of one length (a matrix), or an object of labelled "
        "numbers. Entries are finite.",
        "$ echo 1,a > x.csv; gradcalc run -e 's = sum(x)' --set x=@x.csv",
        "$ echo 1,2 > x.csv; gradcalc run -e 's = sum(x)' --set x=@x.csv",
    ),
}

_COMMAND = {
    "bad-setting": Code(
        "A setting that is not NAME=VALUE",
        "`--set` gives a name and a value: a number, a vector, a matrix, or a file after `@`.",
        "$ gradcalc run -e 's = x^2' --set x",
        "$ gradcalc run -e 's = x^2' --set x=3",
        Exit.USAGE,
    ),
    "missing-extra": Code(
        "A part that is not installed",
        "Pictures, Parquet and Arrow files and clusters need optional dependencies, to keep the installation small.",
        "$ gradcalc graph samples/score.eq -o graph.svg",
        "$ pip install 'gradcalc[graph]'",
        Exit.USAGE,
    ),
    "out-of-memory": Code(
        "Not enough memory",
        "The arrays of this run do not fit into the memory of this machine.",
        "$ gradcalc run -e 's = sum(ones(100000, 100000))' --limit entries=100000000000",
        "$ gradcalc run -e 's = sum(ones(1000, 1000))'",
        Exit.LIMIT,
    ),
    "time-out": Code(
        "An input that took too long",
        "The input was not done within the seconds that --timeout gives to each. `--resume` tries it once more.",
        "$ gradcalc batch samples/score.eq --timeout 0.001",
        "$ gradcalc batch samples/score.eq --timeout 60",
        Exit.LIMIT,
    ),
    "worker-died": Code(
        "A worker that died",
        "The process that worked on this input was ended from outside, as the system does when memory runs out, and so "
        "was the one that tried it once more. Other inputs are not affected. `--resume` tries it again.",
        "$ gradcalc batch large.eq",
        "$ gradcalc batch large.eq --jobs 1 --memory 8000",
        Exit.LIMIT,
    ),
    "cluster": Code(
        "A cluster that cannot be used",
        "The scheduler does not answer, there is no worker, or a worker has no gradcalc or another version of it: the "
        "records would not be those of this machine.",
        "$ gradcalc batch samples --scheduler tcp://127.0.0.1:1",
        "$ gradcalc batch samples --scheduler tcp://127.0.0.1:8786",
        Exit.FILE,
    ),
    "usage": Code(
        "A command line that does not fit",
        "An option or an argument is missing, unknown, or goes with another one that excludes it. `--help` shows them.",
        "$ gradcalc run --jsn file.eq",
        "$ gradcalc run --json file.eq",
        Exit.USAGE,
    ),
    "unknown-option-value": Code(
        "An option with a value that it does not have",
        "The option takes one of a few words, or a value of a certain form. The message lists them.",
        "$ gradcalc run -e 's = x^2; x = 3' --limit node=5",
        "$ gradcalc run -e 's = x^2; x = 3' --limit nodes=5",
        Exit.USAGE,
    ),
    "unknown-function-name": Code(
        "A function that is not in the table",
        "`gradcalc functions` without a name lists every function.",
        "$ gradcalc functions sigmod",
        "$ gradcalc functions sigmoid",
        Exit.USAGE,
    ),
    "unknown-code": Code(
        "A diagnostic code that does not exist",
        "`gradcalc explain` without a code lists every code.",
        "$ gradcalc explain shape-mismatched",
        "$ gradcalc explain shape-mismatch",
        Exit.USAGE,
    ),
    "unknown-target": Code(
        "An option that names what the text does not have",
        "--of, --wrt and --tangent name values of the text: inputs, equations, or pieces such as t1.",
        "$ gradcalc run -e 's = x^2; x = 3' --of t",
        "$ gradcalc run -e 's = x^2; x = 3' --of s",
        Exit.USAGE,
    ),
    "no-input": Code(
        "Nothing to read",
        "Name a file, give a text with -e, or write `-` to read from standard input.",
        "$ gradcalc run",
        "$ gradcalc run samples/score.eq",
        Exit.USAGE,
    ),
    "internal": Code(
        "A bug in gradcalc",
        "This should not happen, whatever the input. Please report it, with the input and what `--debug` prints.",
        "$ gradcalc run file.eq",
        "$ gradcalc run file.eq --debug",
        Exit.BUG,
    ),
}

_REMARKS = {
    "quotient-order": Code(
        "A quotient followed by a product",
        "Products and quotients go from left to right, so `a / b c` is (a / b) c. A reader may take it otherwise; "
        "brackets settle it.",
        "s = a / b c; a = 1; b = 2; c = 3",
        "s = a / (b c); a = 1; b = 2; c = 3",
        None,
    ),
    "lost-digits": Code(
        "A value or a gradient that has lost digits to rounding",
        "A 64-bit float has 16 digits. Where nearly equal numbers are subtracted their leading digits cancel, and what "
        "was rounded off before is a large part of what is left. The warning says how many digits are lost, in which "
        "value, and a form that keeps them where one is known. A gradient loses digits where its branches nearly "
        "cancel. A number below 2.2e-308 has few digits, and one below 5e-324 is 0. Data count as exact; up to 3 "
        "digits are not worth a warning. The count is an estimate of the first order.",
        "s = exp(x) - 1; x = 1e-10",
        "s = expm1(x); x = 1e-10",
        None,
    ),
    "claim-failed": Code(
        "A claim that does not hold",
        "A batch counts an input under this code that has a result, and in its file a claim `==` which is false at its "
        "data. The claims are in the result, with what was found for each; `gradcalc check` shows them.",
        "$ gradcalc check -e 's = x^2; x = 3; ∂s/∂x == x'",
        "$ gradcalc check -e 's = x^2; x = 3; ∂s/∂x == 2 x'",
        None,
    ),
    "unused-data": Code(
        "Data that nothing uses",
        "Data was given for a name that the file does not have. Often the name is misspelt.",
        "$ gradcalc run -e 's = x^2; x = 3' --set y=1",
        "$ gradcalc run -e 's = x^2; x = 3' --set x=1",
        None,
    ),
    "kink": Code(
        "A point where the function has no derivative",
        "At a kink such as relu at 0 or |x| at 0 the subgradient of least norm is taken; entries that tie for a "
        "maximum share evenly; at a jump, as of x > 0 at 0, the derivative is that of the side taken. The flag names "
        "the value and the rule. A kink that the target does not feel, as in relu(x)^2 at 0, has none.",
        "s = relu(x); x = 0",
        "s = relu(x); x = 1",
        None,
    ),
    "not-taken": Code(
        "A value that is not finite, and that nothing takes",
        "Where `where`, `max` or `min` selects another branch, a value may be undefined or infinite, and so may a "
        "local gradient. It contributes exactly 0. The flag names it, so that no such number stands in a table "
        "unexplained.",
        "s = where(x > 0, log(x), 0); x = -1",
        "s = where(x > 0, log(x), 0); x = 1",
        None,
    ),
    "infinite-gradient": Code(
        "A gradient that is infinite",
        "The value is finite and its derivative is not, as for sqrt at 0, or is beyond 1.8e308, as for 1/x at 1e-200. "
        "The flag names the operation behind it.",
        "s = sqrt(x); x = 0",
        "s = sqrt(x); x = 1",
        None,
    ),
    "undefined-gradient": Code(
        "A gradient that does not exist",
        "The value exists at this point, and its derivative by this input does not, as for x^y by y at x = -2. The "
        "other gradients are given.",
        "s = x^y; x = -2; y = 2",
        "s = x^y; x = 2; y = 2",
        None,
    ),
}

CODES: dict[str, Code] = {
    **_TEXT, **_NAMES, **_SHAPES, **_NUMBERS, **_LIMITS, **_FILES, **_COMMAND, **_REMARKS,
}  # fmt: skip


def exit_of(code: str) -> Exit:
    """The exit status of an error with this code; `Exit.DONE` for warnings and flags, `Exit.BUG` for no code."""
    known = CODES.get(code)
    if known is None:
        return Exit.BUG
    return Exit.DONE if known.exit is None else known.exit
