"""The faults: one small change of a module's text each."""

from __future__ import annotations

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
"""Comparisons that are data: `al.compare(">", x, y)`."""


_SYMMETRIC = {"multiply", "add", "maximum", "minimum", "two_sum", "two_product", "broadcast_shapes", "joint_size",
              "inner"}  # fmt: skip
"""Functions that take their arguments in either order."""


@dataclass(frozen=True)
class Mutant:
    """A fault: where it is, what it replaces, and the module's text with it."""

    module: str
    line: int
    scope: str
    before: str
    after: str
    source: str
    lines: frozenset[int]
    """The lines of the functions that use what the mutant's statement at the top of the module defines."""
    names: frozenset[str]
    """What that statement declares to the package: the texts that it begins a call with."""
    statement: str
    """That statement's text."""
    is_arithmetic: bool
    """Whether it is in a function from arrays of floats to such, and not in one of nodes, shapes or rules."""
    repeated: int = 0
    """How many like it stand before it in its function."""

    @property
    def key(self) -> str:
        """What names it while lines move: the function that it is in, and the change."""
        again = f" ({self.repeated + 1})" if self.repeated else ""
        return f"{self.scope}: {self.before} -> {self.after}{again}"

    @property
    def digest(self) -> str:
        """What names it together with the text of its statement at the top of the module."""
        return hashlib.sha256("\n".join((self.module, self.statement, self.key)).encode()).hexdigest()[:20]


def _changed(node: ast.AST, **fields: Any) -> Any:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _name(called: ast.expr) -> str:
    return getattr(called, "attr", getattr(called, "id", ""))


def _of_expression(node: ast.AST) -> Iterator[ast.AST]:
    """What an expression may be replaced by."""
    match node:
        case ast.BinOp(op=op) if type(op) in _BINARY:
            yield _changed(node, op=_BINARY[type(op)]())
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert(), operand=operand):
            yield operand
        case ast.Compare(ops=[op], comparators=[_]):
            yield _changed(node, ops=[_COMPARE[type(op)]()])
        case ast.BoolOp(op=op):
            yield _changed(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.IfExp(body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value) if value + 1 != value:
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as value) if value in _OPERATORS:
            yield ast.Constant(_OPERATORS[value])
        case ast.Call(func=ast.Attribute() as called, args=[only], keywords=[]) if not isinstance(only, ast.Starred):
            if called.attr != "asarray":
                yield only
        case ast.Call(func=called) if _name(called) in _SYMMETRIC:
            pass
        case ast.Call(args=[first, second, *rest]) if not isinstance(first, ast.Starred | ast.Constant):
            if not isinstance(second, ast.Starred) and ast.dump(first) != ast.dump(second):
                yield _changed(node, args=[second, first, *rest])


def _is_turned_by_itself(test: ast.expr) -> bool:
    """Whether a mutant of the condition is its negation already."""
    turned = (ast.Is, ast.IsNot, ast.In, ast.NotIn, ast.Eq, ast.NotEq)
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return negated or (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], turned))


def _of_statement(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(test=test) if not _is_turned_by_itself(test):
            yield _changed(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()


_UNTOUCHED = (ast.Raise, ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)
"""Messages and imports."""


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What may be changed: no annotation, no decorator, no message, no check of lengths by `zip`."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, _UNTOUCHED) and not _is_strict(child):
                yield child


def _is_strict(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every node that may be changed, with the function or declaration that it stands in."""
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, scope = stack.pop()
        if _is_typing_only(node):
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            scope = f"{scope}.{node.name}".lstrip(".")
        elif not scope and isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
            scope = ast.unparse(node.value)[:40]
        yield node, scope
        stack.extend((child, scope) for child in _children(node))


def _words(node: ast.AST) -> set[str]:
    """The names that a piece of a module loads."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _defined(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return set()


_FLOATS = {"Array", "Doubled", "Wide", "Polynomial", "Pair", "float"}


def _is_arithmetic(statement: ast.stmt) -> bool:
    """Whether a function takes or gives floats, in tuples and lists too, and no nodes."""
    if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return False
    found: set[str] = set()
    for function in [n for n in ast.walk(statement) if isinstance(n, ast.FunctionDef)]:
        every = function.args
        for stated in [function.returns, *(a.annotation for a in (*every.args, *every.kwonlyargs, every.vararg) if a)]:
            inside = list(ast.walk(stated)) if stated else []
            if "Callable" not in {_name(n) for n in inside if isinstance(n, ast.Name)}:
                found |= {n.id for n in inside if isinstance(n, ast.Name)}
    return bool(found & _FLOATS) and "Node" not in found


def _near(module: ast.Module, statement: ast.stmt) -> tuple[frozenset[int], frozenset[str]]:
    """A mutant's `lines` and `names`, for the statement at the top of the module that it changes."""
    declares = isinstance(statement, ast.Expr)
    affected = [statement]
    names = _words(statement) if declares else _defined(statement)
    for _ in module.body:
        using = [
            other
            for other in module.body
            if other not in affected and (names & _defined(other) if declares else names & _words(other))
        ]
        if not using:
            break
        affected += using
        names = set() if declares else names.union(*map(_defined, using))
    lines = {k for one in affected for k in range(one.lineno, (one.end_lineno or one.lineno) + 1)}
    calls = [n for one in affected if isinstance(one, ast.Expr) for n in ast.walk(one) if isinstance(n, ast.Call)]
    texts = {a.value for call in calls for a in call.args[:1] if isinstance(a, ast.Constant)}
    return frozenset(lines), frozenset(t for t in texts if isinstance(t, str))


def mutants(path: str, source: str) -> list[Mutant]:
    """Every mutant of a module's text, in the order of its lines."""
    found, lines = [], source.encode().split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    raw, module = source.encode(), ast.parse(source)
    near = {
        line: (*_near(module, s), ast.unparse(s), _is_arithmetic(s))
        for s in module.body
        for line in range(s.lineno, (s.end_lineno or s.lineno) + 1)
    }
    for node, scope in _places(module):
        for of in (_of_expression, _of_statement):
            for new in of(node):
                begin = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
                end = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
                statement = isinstance(node, ast.stmt)
                after = _reindented(new, node.col_offset) if statement else ast.unparse(new)  # type: ignore[attr-defined]
                text = raw[:begin] + (after if statement else f"({after})").encode() + raw[end:]
                before, shown = ast.unparse(node).split("\n")[0], after.split("\n")[0]
                line: int = node.lineno  # type: ignore[attr-defined]
                found.append(Mutant(path, line, scope, before, shown, text.decode(), *near[line]))
    seen: Counter[str] = Counter()
    out = []
    for mutant in sorted(found, key=lambda m: m.line):
        out.append(replace(mutant, repeated=seen[mutant.key]))
        seen[mutant.key] += 1
    return out


def _reindented(node: ast.AST, columns: int) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).replace("\n", "\n" + " " * columns)
