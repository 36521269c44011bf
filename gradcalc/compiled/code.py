"""Instructions to a function: a syntax tree of assignments, made of the instructions' numbers alone.

Arrays are computed into buffers that are handed over at each call, and that are used again once what was in them has
been used. No text takes part, neither from a file nor of the program.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from gradcalc.compiled import numbers, tree
from gradcalc.compiled.instructions import Instruction, Listing, Operand, Sizes, Value
from gradcalc.compiled.lowering import kernel_of

Shape = tuple[int, ...]

Buffer = tuple[Sizes, bool, Any]
"""The sizes of an array, whether it has an axis of rows, and its type."""
SMALL = 4096
"""Entries up to which memory for a result is had quickly."""
PRODUCTS = ("matmul", "gram")
"""What reads its operands while its result is written."""
INTO_BUFFERS = (*PRODUCTS, "pointwise", "outer", "number")
LARGE = 2**20
"""Entries of an outer product from which it is quicker without the library of matrix products."""


@dataclass
class Code:
    """A function of the leaves, the buffers of results and those of work: the results, or None to give up.

    `works` and `outs` say what buffers it takes; `moving` which results have an axis of rows.
    """

    function: Callable[..., Any]
    works: list[Buffer]
    outs: list[Buffer | None]
    """None for a number, and for what is so small that new memory costs less than looking for some."""
    moving: list[bool]


@dataclass
class Writer:
    """Writes the code of a listing that is to give some results after some checks."""

    listing: Listing
    leaves: Sequence[tuple[Value, Shape]]
    """The leaves, and the shapes in which they are given where no leaf has an axis of rows: else as values are."""
    results: Sequence[tuple[Operand, Shape]]
    """The results, and the shapes in which they are returned, likewise."""
    checks: Sequence[tuple[Value, Value | None]]
    """Values to be found finite: each alone, or the product of all entries of the one with all of the other."""
    faults: Sequence[Instruction]
    names: dict[str, Any] = field(default_factory=dict)
    body: list[ast.stmt] = field(default_factory=list)
    works: list[Buffer] = field(default_factory=list)
    zeros: dict[Buffer, int] = field(default_factory=dict)
    """By what they are like, the places of the buffers of zeros among those of work."""

    @property
    def _alone(self) -> bool:
        """Whether no leaf has an axis of rows."""
        return not any(v.batched for v, _ in self.leaves)

    def code(self) -> Code:
        """The function and its buffers."""
        instructions = self._needed()
        outs = [_out(result) for result, _ in self.results]
        places = self._places(instructions, outs)
        self._unpack("leaves", [f"v{v.index}" for v, _ in self.leaves])
        if any(outs):
            self._unpack("outs", [f"o{k}" for k in range(len(self.results))])
        begin = len(self.body)
        if self._alone:
            for value, shape in self.leaves:
                self.body.extend(self._as_given(value, shape))
        written = self._write(instructions, places)
        if self.works:
            self._unpack("works", [f"w{k}" for k in range(len(self.works))])
            self.body.insert(begin, self.body.pop())
        self._return(outs, written)
        moving = [isinstance(r, Value) and r.batched for r, _ in self.results]
        return Code(self._function(), self.works, outs, moving)

    def _as_given(self, value: Value, shape: Shape) -> Iterator[ast.stmt]:
        """Give up unless a leaf is a float, or an array of floats in its shape; a row is taken out of its matrix."""
        leaf = self._operand(value)
        kind = tree.Attribute(leaf, "__class__", ast.Load())
        if value.is_number:
            yield _give_up(tree.Compare(kind, [ast.IsNot()], [_name(self._named("float", float))]))
            return
        sizes = tree.Tuple([tree.Constant(s) for s in shape], ast.Load())
        yield _give_up(tree.BoolOp(ast.Or(), [
            tree.Compare(kind, [ast.IsNot()], [_name(self._named("ndarray", np.ndarray))]),
            tree.Compare(tree.Attribute(leaf, "dtype", ast.Load()), [ast.IsNot()], [self._float64()]),
            tree.Compare(tree.Attribute(leaf, "shape", ast.Load()), [ast.NotEq()], [sizes]),
        ]))  # fmt: skip
        if len(shape) > len(value.sizes):
            row = tree.Subscript(leaf, tree.Constant(0), ast.Load())
            yield tree.Assign([tree.Name(f"v{value.index}", ast.Store())], row)

    def _float64(self) -> ast.expr:
        return _name(self._named("float64", np.dtype(np.float64)))

    def _return(self, outs: Sequence[Buffer | None], written: set[int]) -> None:
        """The results in their buffers, or as they are; what is returned twice, and what is not its own, as a copy."""
        own: set[int] = {i.value.index for i in self.listing.makers.values() if _is_computed_into(i)}
        found: list[ast.expr] = []
        alone = self._alone
        for k, (result, shape) in enumerate(self.results):
            operand = self._operand(result)
            if outs[k] is not None and k not in written:
                self.body.append(tree.Expr(self._call(np.copyto, "copyto", [_name(f"o{k}"), operand])))
            if outs[k] is not None:
                operand = _name(f"o{k}")
            elif isinstance(result, Value) and not result.is_number:
                if result.index not in own or result.is_bool:
                    operand = self._method(operand, "astype", [self._float64()])
                own.discard(result.index)
            if alone and (result.sizes if isinstance(result, Value) else ()) != shape:
                sizes = tree.Tuple([tree.Constant(s) for s in shape], ast.Load())
                operand = self._call(np.reshape, "reshape", [operand, sizes])
            found.append(operand)
        self.body.append(tree.Return(tree.Tuple(found, ast.Load())))

    def _function(self) -> Callable[..., Any]:
        parameters: list[ast.arg] = [tree.arg(n) for n in ("leaves", "outs", "works")]
        definition = tree.FunctionDef("program", ast.arguments([], parameters, None, [], [], None, []), self.body, [])
        if sys.version_info >= (3, 12):
            definition.type_params = []
        exec(
            compile(ast.Module([definition], []), "<compiled>", "exec"), self.names
        )  # a tree made above, of names made above
        function: Callable[..., Any] = self.names["program"]
        return function

    # ------------------------------------------------------------------------------ liveness

    def _needed(self) -> list[Instruction]:
        """The instructions that a result or a check needs."""
        needed = {r.index for r, _ in self.results if isinstance(r, Value)}
        needed |= {v.index for check in self.checks for v in check if v is not None}
        found = []
        for instruction in reversed([*self.listing.makers.values(), *self.faults]):
            if instruction.value.index in needed or instruction.kind == "fault":
                found.append(instruction)
                needed |= {o.index for o in instruction.operands if isinstance(o, Value)}
        return found[::-1]

    def _places(self, instructions: Sequence[Instruction], outs: Sequence[Buffer | None]) -> dict[int, int | None]:
        """By the index of a value, the result in whose buffer it is computed; None for new memory."""
        into = {i.value.index for i in instructions if _is_computed_into(i)}
        found: dict[int, int | None] = {}
        for k, (result, _) in enumerate(self.results):
            if isinstance(result, Value) and result.index in into and not result.is_bool and not result.is_number:
                found.setdefault(result.index, k if outs[k] is not None else None)
        return found

    def _write(self, instructions: Sequence[Instruction], places: dict[int, int | None]) -> set[int]:
        """Write them, with the checks of a value right after it; which results are in their buffers."""
        last: dict[int, int] = {}
        for k, instruction in enumerate(instructions):
            for operand in instruction.operands:
                if isinstance(operand, Value):
                    last[operand.owner.index] = k
        for value in [r for r, _ in self.results if isinstance(r, Value)] + [v for c in self.checks for v in c if v]:
            last[value.owner.index] = len(instructions)
        free: dict[Buffer, list[int]] = {}
        held: dict[int, tuple[Buffer, int]] = {}
        written = set()
        for k, instruction in enumerate(instructions):
            ending = [i for i in {o.owner.index for o in instruction.operands if isinstance(o, Value)}
                      if last[i] == k and i in held]  # fmt: skip
            overwrites = instruction.kind not in PRODUCTS  # what works entry by entry may write over what it reads
            if overwrites:
                _release(ending, held, free)
            value = instruction.value
            out: ast.expr | None = None
            if value.index in places:
                place = places[value.index]
                if place is not None:
                    out = _name(f"o{place}")
                    written.add(place)
            elif _is_computed_into(instruction) and not value.is_number:
                out = self._work(value, free, held)
            self.body.append(self._statement(instruction, out))
            if not overwrites:
                _release(ending, held, free)
        for check in self.checks:
            self.body.append(self._check(*check))
        return written

    def _work(self, value: Value, free: dict[Buffer, list[int]], held: dict[int, tuple[Buffer, int]]) -> ast.expr:
        buffer = _buffer(value)
        spare = free.setdefault(buffer, [])
        if not spare:
            spare.append(len(self.works))
            self.works.append(buffer)
        held[value.index] = buffer, spare.pop()
        return _name(f"w{held[value.index][1]}")

    # ---------------------------------------------------------------------------- statements

    def _statement(self, instruction: Instruction, out: ast.expr | None) -> ast.stmt:
        value, operands = instruction.value, [self._operand(o) for o in instruction.operands]
        match instruction.kind:
            case "pointwise":
                made = self._pointwise(instruction, operands, out)
            case "matmul":
                made = self._product(instruction, operands, out)
            case "gram":
                made = self._call(
                    _gram, "gram", [*operands, self._scratch(instruction), *([] if out is None else [out])]
                )
            case "outer":
                made = self._outer(value, operands, out)
            case "inner" if value.batched:
                made = self._call(_inner_of_rows, "inner_of_rows", operands)
            case "inner":
                dot = tree.Call(tree.Attribute(operands[0], "dot", ast.Load()), operands[1:], [])
                made = self._call(float, "float", [dot])
            case "number" if value.is_number:
                made = tree.IfExp(operands[0], tree.Constant(1.0), tree.Constant(0.0))
            case "number":
                made = self._call(_as_numbers, "as_numbers", [operands[0], *([] if out is None else [out])])
            case "item":
                place: list[ast.expr] = [tree.Constant(i) for i in instruction.detail]
                made = tree.Call(tree.Attribute(operands[0], "item", ast.Load()), place, [])
            case "block" | "across" | "lift" | "transpose" | "broadcast":
                made = self._view(instruction, operands[0])
            case "kept":
                made = self._kept(instruction.detail.array)
            case "filled":
                made = self._kept(np.full(value.sizes, instruction.detail))
            case "fault":
                return _give_up(self._call(instruction.detail, f"f{value.index}", operands))
            case _:
                made = self._kernel(instruction, operands)
        return tree.Assign([tree.Name(f"v{value.index}", ast.Store())], made)

    def _pointwise(self, instruction: Instruction, operands: list[ast.expr], out: ast.expr | None) -> ast.expr:
        function, value = instruction.detail, instruction.value
        if value.is_number:
            made = numbers.expression(function, operands)
            return made or self._call(numbers.called(function), f"number_{function.__name__}", operands)
        arrays = [o if isinstance(given, Value) else self._kept(np.array(given))
                  for o, given in zip(operands, instruction.operands, strict=True)]  # fmt: skip
        made = self._call(function, function.__name__, arrays)
        if out is not None and function in (np.maximum, np.minimum):
            made.keywords.append(tree.keyword("out", out))
        elif out is not None:
            made.args.append(out)
        return made

    def _product(self, instruction: Instruction, operands: list[ast.expr], out: ast.expr | None) -> ast.Call:
        """A product of matrices; of two without an axis of rows by `dot`, which takes a third of the time to begin."""
        given = [] if out is None else [out]
        if any(isinstance(o, Value) and o.batched for o in instruction.operands):
            return self._call(np.matmul, "matmul", operands + given)
        return self._method(operands[0], "dot", [operands[1], *given])

    def _outer(self, value: Value, operands: list[ast.expr], out: ast.expr | None) -> ast.expr:
        given = [] if out is None else [out]
        if prod(value.sizes) > LARGE:
            return self._call(_products, "products", operands + given)
        every, none = tree.Slice(), tree.Constant(None)
        column, row = (tree.Subscript(o, tree.Tuple(index, ast.Load()), ast.Load())
                       for o, index in zip(operands, ([every, none], [none, every]), strict=True))  # fmt: skip
        return self._method(column, "dot", [row, *given])

    def _scratch(self, instruction: Instruction) -> ast.expr:
        """A buffer like the first operand, for the time of one call."""
        matrix = instruction.operands[0]
        assert isinstance(matrix, Value)
        self.works.append(_buffer(matrix))
        return _name(f"w{len(self.works) - 1}")

    def _kernel(self, instruction: Instruction, operands: list[ast.expr]) -> ast.expr:
        node, value = instruction.detail, instruction.value
        if not operands:
            return self._kept(kernel_of(node, [], False)())
        called = kernel_of(node, [i.shape for i in node.inputs], value.batched)
        return self._call(called, f"k{value.index}", operands)

    def _view(self, instruction: Instruction, operand: ast.expr) -> ast.expr:
        value, detail = instruction.value, instruction.detail
        none, every = tree.Constant(None), tree.Slice()
        match instruction.kind:
            case "across":
                index: list[ast.expr] = [tree.Constant(...), none]
            case "lift":
                index = [every, *[none] * detail]
            case "transpose" if value.batched:
                return tree.Call(
                    tree.Attribute(operand, "swapaxes", ast.Load()), [tree.Constant(1), tree.Constant(2)], []
                )
            case "transpose":
                return tree.Attribute(operand, "T", ast.Load())
            case "broadcast":
                sizes: list[ast.expr] = [tree.Constant(s) for s in value.sizes]
                if value.batched:
                    sizes.insert(0, tree.Call(_name(self._named("len", len)), [operand], []))
                return self._call(np.broadcast_to, "broadcast_to", [operand, tree.Tuple(sizes, ast.Load())])
            case _:
                index = [every] if value.batched else []
                index += [_slice(i) for i in detail]
        return tree.Subscript(operand, tree.Tuple(index, ast.Load()), ast.Load())

    def _check(self, value: Value, other: Value | None) -> ast.stmt:
        """Give up unless it is finite: 0 times a finite number is 0."""
        if value.is_number:
            product: ast.expr = tree.BinOp(self._operand(value), ast.Sub(), self._operand(value))
        elif other is None:
            product = self._method(self._flat(value), "dot", [self._zeros(value)])
        else:
            first, second = (self._squared(v) for v in (value, other))
            product = tree.BinOp(tree.BinOp(first, ast.Mult(), second), ast.Mult(), tree.Constant(0.0))
        return _give_up(tree.Compare(product, [ast.NotEq()], [tree.Constant(0.0)]))

    def _squared(self, value: Value) -> ast.expr:
        return self._method(self._flat(value), "dot", [self._flat(value)])

    def _flat(self, value: Value) -> ast.expr:
        operand = self._operand(value)
        return operand if len(value.sizes) + value.batched == 1 else self._method(operand, "ravel", [])

    def _zeros(self, value: Value) -> ast.expr:
        """A buffer of as many zeros as a value has entries."""
        key = (prod(value.sizes),), value.batched, 0.0
        if key not in self.zeros:
            self.zeros[key] = len(self.works)
            self.works.append(key)
        return _name(f"w{self.zeros[key]}")

    @staticmethod
    def _method(operand: ast.expr, name: str, arguments: list[ast.expr]) -> ast.Call:
        return tree.Call(tree.Attribute(operand, name, ast.Load()), arguments, [])

    # --------------------------------------------------------------------------------- names

    def _operand(self, operand: Operand) -> ast.expr:
        if isinstance(operand, Value):
            return _name(f"v{operand.index}")
        return tree.Constant(operand)

    def _named(self, name: str, thing: Any) -> str:
        self.names[name] = thing
        return name

    def _kept(self, thing: Any) -> ast.expr:
        return _name(self._named(f"c{len(self.names)}", thing))

    def _call(self, function: Any, name: str, operands: list[ast.expr]) -> ast.Call:
        return tree.Call(_name(self._named(name, function)), operands, [])

    def _unpack(self, source: str, names: list[str]) -> None:
        if not names:
            return
        targets: list[ast.expr] = [tree.Name(n, ast.Store()) for n in names]
        self.body.append(tree.Assign([tree.Tuple(targets, ast.Store())], _name(source)))


def _is_computed_into(instruction: Instruction) -> bool:
    """Whether it takes a buffer for its result."""
    return instruction.kind in INTO_BUFFERS and instruction.detail is not np.where


def _release(values: Sequence[int], held: dict[int, tuple[Buffer, int]], free: dict[Buffer, list[int]]) -> None:
    for index in values:
        buffer, number = held.pop(index)
        free[buffer].append(number)


def _out(result: Operand) -> Buffer | None:
    """The buffer that a result asks for."""
    if not isinstance(result, Value) or (not result.batched and prod(result.sizes) <= SMALL):
        return None
    return result.sizes, result.batched, float


def _give_up(test: ast.expr) -> ast.stmt:
    return tree.If(test, [tree.Return(None)], [])


def _buffer(value: Value) -> Buffer:
    return value.sizes, value.batched, bool if value.is_bool else float


def _name(text: str) -> ast.expr:
    return tree.Name(text, ast.Load())


def _slice(item: Any) -> ast.expr:
    if not isinstance(item, tuple):
        return tree.Constant(item)
    return tree.Slice(*map(tree.Constant, item))


def _products(left: Any, right: Any, out: Any = None) -> Any:
    return np.einsum("i,j->ij", left, right, out=out)


def _gram(matrix: Any, weights: Any, scaled: Any, out: Any = None) -> Any:
    """A^T diag(d) A; without a negative weight as S^T S with S = diag(√d) A, of which NumPy makes half."""
    if weights.min() < 0:
        return matrix.T.dot(np.multiply(matrix, weights[:, None], scaled), out)
    np.multiply(matrix, np.sqrt(weights)[:, None], scaled)
    return scaled.T.dot(scaled, out)


def _inner_of_rows(left: Any, right: Any) -> Any:
    return np.einsum("ij,ij->i", left, right)


def _as_numbers(truth: Any, out: Any = None) -> Any:
    if out is None:
        return truth.astype(float)
    np.copyto(out, truth)
    return out
