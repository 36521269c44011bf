"""The computation graph: shapes, operations, hash-consed nodes.

A node is an operation applied to nodes; the same operation on the same nodes is the same node. Nodes are
numbered as they are made, so the numbers are a topological order. Shapes are those of the JSON: `()` a
scalar, `(n,)` a column, `(1, n)` a row, `(m, n)` a matrix; a size is a number, or a symbol while no data
is known. Arrays have rank 2 inside (see `extent`), with batch axes in front where there are rows of inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gradcalc import exact

if TYPE_CHECKING:
    from gradcalc.maps import LinearMap
    from gradcalc.notation import Piece, Style

Size = int | str
Shape = tuple[Size, ...]
SCALAR: Shape = ()


def extent(shape: Shape) -> tuple[Size, Size]:
    """Rows and columns of the array behind a shape."""
    if not shape:
        return 1, 1
    return (shape[0], 1) if len(shape) == 1 else (shape[0], shape[1])


def of_extent(rows: Size, columns: Size) -> Shape:
    """The shape of a matrix result: one column is a column, unless it is 1 × 1."""
    return (rows,) if columns == 1 and rows != 1 else (rows, columns)


def transposed(shape: Shape) -> Shape:
    """A column becomes a row and back; a scalar stays."""
    if len(shape) == 1:
        return (1, shape[0])
    if len(shape) == 2 and shape[0] == 1:
        return (shape[1],)
    return shape[::-1]


def same_shape(shapes: Sequence[Shape], attributes: Any) -> Shape:
    """The rule of entry-by-entry operations: all operands have one shape."""
    first = shapes[0]
    for shape in shapes[1:]:
        if shape != first:
            raise ShapeError("entry by entry, both must have one shape")
    return first


def count(shape: Shape) -> int:
    """The number of entries; a symbolic size counts as one."""
    total = 1
    for size in shape:
        total *= size if isinstance(size, int) else 1
    return total


def joint_size(*sizes: Size) -> Size:
    """The product of sizes; of symbols it is written `m·n`, in the order of the alphabet."""
    number, symbols = 1, list[str]()
    for size in sizes:
        for part in str(size).split("·"):
            if part.isdigit():
                number *= int(part)
            else:
                symbols.append(part)
    if not symbols or not number:
        return number
    return "·".join([*([str(number)] if number != 1 else []), *sorted(symbols)])


def size_over(whole: Size, part: Size) -> Size | None:
    """The size that times `part` is `whole`; None where there is none."""
    if isinstance(whole, int) and isinstance(part, int):
        return whole // part if part and whole % part == 0 else None
    left = str(whole).split("·")
    for factor in str(part).split("·"):
        if factor in left:
            left.remove(factor)
        elif factor != "1":
            return None
    return joint_size(*left)


def is_row(shape: Shape) -> bool:
    """Whether a shape is that of a row."""
    return len(shape) == 2 and shape[0] == 1


class ShapeError(Exception):
    """Operands that do not fit: `rule` says which rule, `remedy` one way out. The planner adds the place."""

    def __init__(self, rule: str, remedy: str = ""):
        super().__init__(rule)
        self.rule, self.remedy = rule, remedy


Attributes = Mapping[str, Any]


class Operation(Struct, frozen=True, eq=False):
    """Everything there is to know about an operation.

    - `shape(shapes, attributes)` gives the shape of the result or raises `ShapeError`;
    - `kernel(attributes, *arrays)` computes it with NumPy, leading batch axes allowed;
    - `differential(node, i)` gives the linear map from the change of input i to the change of the node,
      its parts nodes of the same graph; None where a change of that input never changes the result;
    - `notation(node, pieces, style)` prints it;
    - `habit` says what it does to an upstream gradient, in a word;
    - `fault(attributes, *arrays)` gives, entry by entry, where the operands are out of domain, and `domain`
      says the domain in words; `shows_faults` says that the value is never finite there;
    - `kink(attributes, *arrays)` gives where the result is not differentiable, and `kink_rule` what is taken; `jumps`
      says that it is not continuous there; where that depends on the attributes, a function of them;
    - `rule` is the differentiation rule by name, where the function table does not have its derivative;
    - `stretches` says that a number among the operands stretches to the others' shape without being told;
    - `analytic` says that the kernel is right for complex arrays too, as a complex step needs it; where that depends
      on the attributes, a function of them;
    - `condition(attributes, *arrays)` gives for each matrix of a batch how many times larger a relative error of the
      operand can become in the result;
    - `witness(attributes, *arrays)` gives what a fault of the domain shows in place of an operand's entries: its name
      and one number for each matrix of a batch;
    - `written(node)` is the same in other operations, for one whose kernel keeps digits that they would lose: so it is
      printed, simplified and multiplied out, in terms of the node's inputs;
    - `takes(attributes, i, *arrays)` gives which entries of operand i the result depends on at all, for what chooses:
      what is not taken contributes exactly 0, be it infinite or undefined;
    - `bilinear` marks products, in which an exact zero of one factor annihilates the derivative of another one, be it
      infinite, where the two do not depend on the same inputs.
    """

    name: str
    shape: Callable[[Sequence[Shape], Attributes], Shape]
    kernel: Callable[..., Any]
    differential: Callable[[Node, int], LinearMap | None]
    notation: Callable[[Node, Sequence[Piece], Style], Piece]
    habit: str = ""
    domain: str = ""
    fault: Callable[..., Any] | None = None
    kink: Callable[..., Any] | None = None
    kink_rule: str = ""
    jumps: bool | Callable[[Attributes], bool] = False
    rule: str = ""
    takes: Callable[..., Any] | None = None
    bilinear: bool = False
    stretches: bool = False
    analytic: bool | Callable[[Attributes], bool] = False
    condition: Callable[..., Any] | None = None
    witness: Callable[..., tuple[str, Any]] | None = None
    written: Callable[[Node], Node] | None = None
    shows_faults: bool = False

    @property
    def entrywise(self) -> bool:
        """Whether it acts entry by entry on operands of one shape."""
        return self.stretches or self.shape is same_shape


OPERATIONS: dict[str, Operation] = {}
"""The closed table: text reaches an operation through it or not at all."""


def register(operation: Operation) -> Operation:
    """Enter an operation into the table; a name is entered once."""
    if operation.name in OPERATIONS:
        raise ValueError(f"operation {operation.name} is declared twice")
    OPERATIONS[operation.name] = operation
    return operation


class Node:
    """One value of the graph. Equality is identity; `index` is its number, `op` the name of its operation."""

    __slots__ = ("attributes", "graph", "index", "inputs", "op", "operation", "shape")

    def __init__(
        self,
        graph: Graph,
        index: int,
        operation: Operation,
        inputs: tuple[Node, ...],
        attributes: dict[str, Any],
        shape: Shape,
    ):
        self.graph, self.index, self.operation = graph, index, operation
        self.op, self.inputs, self.attributes, self.shape = operation.name, inputs, attributes, shape

    @property
    def spelt(self) -> Node:
        """The node as it is written: itself, or the same in other operations."""
        return self.operation.written(self) if self.operation.written else self

    @property
    def exact(self) -> Fraction | None:
        """The number that a constant is, to all its digits; None for a symbol such as pi, and for no constant."""
        return self.attributes.get("exact")

    def is_constant(self, value: float) -> bool:
        """Whether it is the constant scalar `value`, exactly."""
        return self.attributes.get("value") == value and self.exact == value

    def __repr__(self) -> str:
        inputs = ", ".join(f"%{i.index}" for i in self.inputs)
        extra = "".join(f", {k}={v!r}" for k, v in self.attributes.items())
        return f"%{self.index} = {self.op}({inputs}{extra}) : {self.shape}"


LEAVES = ("input", "constant", "symbol", "partial")
"""Operations whose nodes are made with their shape."""
SELECTIVE = ("where", "max", "min")
"""Operations that take some entries of their operands and leave the others."""


class Graph:
    """Nodes in the order made, each once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._made: dict[Any, Node] = {}

    def make(self, op: str, *inputs: Node, shape: Shape | None = None, **attributes: Any) -> Node:
        """The node for an operation on these inputs: a new one, or the one that exists.

        `shape` is given for leaves only; elsewhere it follows from the inputs. Raises `ShapeError`.
        """
        key = (op, inputs, tuple(sorted(attributes.items())) if attributes else (), shape)
        node = self._made.get(key)
        if node is None:
            operation = OPERATIONS[op]
            if shape is None:
                shape = operation.shape([i.shape for i in inputs], attributes)
            node = Node(self, len(self.nodes), operation, inputs, attributes, shape)
            self.nodes.append(node)
            self._made[key] = node
        return node

    def constant(self, value: float | Fraction, text: str = "") -> Node:
        """A constant scalar; `text` is how it was written, in digits or as a symbol.

        A fraction must be representable (see `exact`).
        """
        if text.isidentifier():
            number = None
        elif isinstance(value, Fraction):
            number = value
        else:
            number = exact.read(value, text) if text else exact.meant(value)
        text = text or exact.written(number or Fraction(0))
        return self.make("constant", shape=SCALAR, value=float(value), text=text, exact=number)

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        return "\n".join(map(repr, self.nodes))


def ancestors(roots: Iterable[Node]) -> list[Node]:
    """The nodes that the roots need, themselves included, in topological order."""
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.inputs)
    return sorted(seen, key=lambda n: n.index)


def depth_first(roots: Iterable[Node]) -> Iterator[Node]:
    """The nodes that the roots need, operands before their node and left before right."""
    done: set[Node] = set()
    for root in roots:
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if node in done:
                continue
            if ready:
                done.add(node)
                yield node
            else:
                stack.append((node, True))
                stack.extend((i, False) for i in reversed(node.inputs))


def replace(root: Node, new: Mapping[Node, Node]) -> Node:
    """The same expression with some nodes replaced by others of their shape."""
    done = dict(new)
    for node in ancestors([root]):
        if node not in done:
            inputs = tuple(done[i] for i in node.inputs)
            same = inputs == node.inputs
            done[node] = node if same else node.graph.make(node.op, *inputs, **node.attributes)
    return done[root]


def verify(graph: Graph) -> None:
    """Prove that every node's shape follows from its inputs, and that inputs come before their node.

    Raises AssertionError with the node. Run by tests after each pass.
    """
    for number, node in enumerate(graph.nodes):
        assert node.index == number, node
        assert all(i.graph is graph and i.index < number for i in node.inputs), node
        if node.inputs:
            assert node.operation.shape([i.shape for i in node.inputs], node.attributes) == node.shape, node
