"""Instructions to a function: a syntax tree of assignments, made of the instructions' numbers alone.

Arrays are computed into buffers that are handed over at each call, and that are used again once what was in them has
been used. No text takes part, neither from a file nor of the program.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from gradcalc.compiled import numbers, tree
from gradcalc.compiled.instructions import Instruction, Listing, Operand, Sizes, Value
from gradcalc.compiled.lowering import kernel_of

Buffer = tuple[Sizes, bool, Any]
"""The sizes of an array, whether it has an axis of rows, and its type."""
INTO_BUFFERS = ("pointwise", "matmul", "number")


@dataclass
class Code:
    """A function of the leaves, the buffers of results and those of work: the results, or None to give up.

    `works` and `outs` say what buffers it takes.
    """

    function: Callable[..., Any]
    works: list[Buffer]
    outs: list[Buffer | None]
    """None for a number."""


@dataclass
class Writer:
    """Writes the code of a listing that is to give some results after some checks."""

    listing: Listing
    leaves: Sequence[Value]
    results: Sequence[Operand]
    checks: Sequence[tuple[Value, Value | None]]
    """Values to be found finite: each alone, or the product of all entries of the one with all of the other."""
    faults: Sequence[Instruction]
    names: dict[str, Any] = field(default_factory=dict)
    body: list[ast.stmt] = field(default_factory=list)
    works: list[Buffer] = field(default_factory=list)

    def code(self) -> Code:
        """The function and its buffers."""
        instructions = self._needed()
        outs = [_buffer(r) if isinstance(r, Value) and not r.is_number else None for r in self.results]
        places = self._places(instructions)
        for kind, values in (("leaves", [f"v{v.index}" for v in self.leaves]),
                             ("outs", [f"o{k}" for k in range(len(self.results))])):  # fmt: skip
            if values:
                self._unpack(kind, values)
        unpacking = len(self.body)
        written = self._write(instructions, places)
        if self.works:
            self._unpack("works", [f"w{k}" for k in range(len(self.works))])
            self.body.insert(unpacking, self.body.pop())
        for k, result in enumerate(self.results):
            if outs[k] is not None and k not in written:
                self.body.append(tree.Expr(self._call(np.copyto, "copyto", [_name(f"o{k}"), self._operand(result)])))
        self.body.append(tree.Return(tree.Tuple([
            self._operand(r) if out is None else _name(f"o{k}")
            for k, (r, out) in enumerate(zip(self.results, outs, strict=True))], ast.Load())))  # fmt: skip
        return Code(self._function(), self.works, outs)

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
        needed = {r.index for r in self.results if isinstance(r, Value)}
        needed |= {v.index for check in self.checks for v in check if v is not None}
        found = []
        for instruction in reversed([*self.listing.instructions, *self.faults]):
            if instruction.value.index in needed or instruction.kind == "fault":
                found.append(instruction)
                needed |= {o.index for o in instruction.operands if isinstance(o, Value)}
        return found[::-1]

    def _places(self, instructions: Sequence[Instruction]) -> dict[int, int]:
        """By the index of a value, the result that it can be computed into at once."""
        into = {i.value.index for i in instructions if _is_computed_into(i)}
        found: dict[int, int] = {}
        for k, result in enumerate(self.results):
            if isinstance(result, Value) and result.index in into and not result.is_bool:
                found.setdefault(result.index, k)
        return found

    def _write(self, instructions: Sequence[Instruction], places: dict[int, int]) -> set[int]:
        """Write them, with the checks of a value right after it; which results are in their buffers."""
        last: dict[int, int] = {}
        for k, instruction in enumerate(instructions):
            for operand in instruction.operands:
                if isinstance(operand, Value):
                    last[operand.owner.index] = k
        for value in [r for r in self.results if isinstance(r, Value)] + [v for c in self.checks for v in c if v]:
            last[value.owner.index] = len(instructions)
        free: dict[Buffer, list[int]] = {}
        held: dict[int, tuple[Buffer, int]] = {}
        written = set()
        for k, instruction in enumerate(instructions):
            ending = [i for i in {o.owner.index for o in instruction.operands if isinstance(o, Value)}
                      if last[i] == k and i in held]  # fmt: skip
            if instruction.kind != "matmul":  # what works entry by entry may write over what it reads
                _release(ending, held, free)
            value = instruction.value
            out: ast.expr | None = None
            if value.index in places:
                out = _name(f"o{places[value.index]}")
                written.add(places[value.index])
            elif _is_computed_into(instruction) and not value.is_number:
                out = self._work(value, free, held)
            self.body.append(self._statement(instruction, out))
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
                made = self._call(np.matmul, "matmul", operands + ([out] if out is not None else []))
                if value.is_number:
                    made = self._call(float, "float", [made])
            case "inner" if value.batched:
                made = self._call(_inner_of_rows, "inner_of_rows", operands)
            case "inner":
                dot = tree.Call(tree.Attribute(operands[0], "dot", ast.Load()), operands[1:], [])
                made = self._call(float, "float", [dot])
            case "number" if value.is_number:
                made = tree.IfExp(operands[0], tree.Constant(1.0), tree.Constant(0.0))
            case "number":
                made = self._call(_as_numbers, "as_numbers", [operands[0], out or tree.Constant(None)])
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
                test = self._call(instruction.detail, f"f{value.index}", operands)
                return tree.If(test, [tree.Return(tree.Constant(None))], [])
            case _:
                made = self._kernel(instruction, operands)
        return tree.Assign([tree.Name(f"v{value.index}", ast.Store())], made)

    def _pointwise(self, instruction: Instruction, operands: list[ast.expr], out: ast.expr | None) -> ast.expr:
        function, value = instruction.detail, instruction.value
        if value.is_number:
            made = numbers.expression(function, operands)
            return made or self._call(numbers.called(function), f"number_{function.__name__}", operands)
        made = self._call(function, function.__name__, operands)
        if out is not None:
            made.keywords.append(tree.keyword("out", out))  # not by place, which some functions take otherwise
        return made

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
        test = tree.Compare(product, [ast.NotEq()], [tree.Constant(0.0)])
        return tree.If(test, [tree.Return(tree.Constant(None))], [])

    def _squared(self, value: Value) -> ast.expr:
        return self._method(self._flat(value), "dot", [self._flat(value)])

    def _flat(self, value: Value) -> ast.expr:
        operand = self._operand(value)
        return operand if len(value.sizes) + value.batched == 1 else self._method(operand, "ravel", [])

    def _zeros(self, value: Value) -> ast.expr:
        """A buffer of as many zeros as a value has entries."""
        key = (prod(value.sizes),), value.batched, 0.0
        if key not in self.works:
            self.works.append(key)
        return _name(f"w{self.works.index(key)}")

    @staticmethod
    def _method(operand: ast.expr, name: str, arguments: list[ast.expr]) -> ast.expr:
        return tree.Call(tree.Attribute(operand, name, ast.Load()), arguments, [])

    # --------------------------------------------------------------------------------- names

    def _operand(self, operand: Operand) -> ast.expr:
        if isinstance(operand, Value):
            return _name(f"v{operand.index}")
        if isinstance(operand, bool) or np.isfinite(operand):
            return tree.Constant(operand)
        return self._kept(operand)

    def _named(self, name: str, thing: Any) -> str:
        self.names[name] = thing
        return name

    def _kept(self, thing: Any) -> ast.expr:
        return _name(self._named(f"c{len(self.names)}", thing))

    def _call(self, function: Any, name: str, operands: list[ast.expr]) -> ast.Call:
        return tree.Call(_name(self._named(name, function)), operands, [])

    def _unpack(self, source: str, names: list[str]) -> None:
        targets: list[ast.expr] = [tree.Name(n, ast.Store()) for n in names]
        self.body.append(tree.Assign([tree.Tuple(targets, ast.Store())], _name(source)))


def _is_computed_into(instruction: Instruction) -> bool:
    """Whether it takes a buffer for its result."""
    return instruction.kind in INTO_BUFFERS and instruction.detail is not np.where


def _release(values: Sequence[int], held: dict[int, tuple[Buffer, int]], free: dict[Buffer, list[int]]) -> None:
    for index in values:
        if index in held:
            buffer, number = held.pop(index)
            free.setdefault(buffer, []).append(number)


def _buffer(value: Value) -> Buffer:
    return value.sizes, value.batched, bool if value.is_bool else float


def _name(text: str) -> ast.expr:
    return tree.Name(text, ast.Load())


def _slice(item: Any) -> ast.expr:
    if not isinstance(item, tuple):
        return tree.Constant(item)
    return tree.Slice(*(None if i is None else tree.Constant(i) for i in item))


def _inner_of_rows(left: Any, right: Any) -> Any:
    return np.einsum("ij,ij->i", left, right)


def _as_numbers(truth: Any, out: Any) -> Any:
    np.copyto(out, truth)
    return out
