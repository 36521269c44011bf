"""A compiled program and its buffers: given arrays, the value and the gradients, or None where it gives up.

Many rows are done by as many threads as there are cores, or as OMP_NUM_THREADS says: NumPy lets go of the interpreter's
lock while it computes.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod
from typing import Any

import numpy as np

from gradcalc.compiled.code import SMALL, Buffer, Code, Writer
from gradcalc.compiled.finite import unseen
from gradcalc.compiled.instructions import Instruction, Sizes, Value
from gradcalc.compiled.lowering import Lowering, fault_of
from gradcalc.compiled.products import taken_apart
from gradcalc.cores import allowed_cores
from gradcalc.graph import Node, Shape

Array = np.ndarray[Any, Any]
BLOCK_ENTRIES = 2**15
"""Entries of the largest array of a block of rows: a cache holds some of them, and calls take longer than to begin."""
BLOCKS_OF_A_THREAD = 4
"""Blocks for which a thread is worth its start, at least."""
_NOT_FINITE = (ArithmeticError, ValueError)
"""What numbers raise where arrays have an infinite or undefined entry."""


@dataclass(eq=False)
class Program:
    """Computes some results from leaves. With `batched` leaves it goes through their rows in blocks."""

    leaves: Mapping[Node, bool]
    """The leaves, and whether each has an axis of rows."""
    code: Code
    rows_at_once: int
    spare: list[list[Array]] = field(default_factory=list)
    """Buffers of work that no call uses."""
    no_outs: tuple[None, ...] = ()
    """What stands for the buffers of results where none takes any."""
    takes_rows: bool = False
    given: dict[int, deque[Array]] = field(default_factory=dict)
    """Buffers of results handed out before, by the place of the result."""

    @property
    def moving(self) -> list[bool]:
        """Which results have an axis of rows."""
        return self.code.moving

    def run(self, arrays: Sequence[Any]) -> Sequence[Any] | None:
        """The results for the arrays of the leaves, in their shapes; None if it gives up.

        With rows, what has no axis of its own for columns or rows comes and goes without it (see `sizes_of`).
        """
        if self.takes_rows:
            return self._run_rows(arrays)
        try:
            with np.errstate(all="ignore"):
                return self._run(arrays)
        except _NOT_FINITE:
            return None

    def _run(self, arrays: Sequence[Any]) -> Sequence[Any] | None:
        outs = self.no_outs or [o and self._out(k, o, None) for k, o in enumerate(self.code.outs)]
        works = self._works(1)
        found: Sequence[Any] | None = self.code.function(arrays, outs, works)
        self.spare.append(works)
        return found

    def _works(self, rows: int) -> list[Array]:
        """Buffers of work that nobody has."""
        try:
            return self.spare.pop()
        except IndexError:
            return [_made(b, rows) for b in self.code.works]

    def _run_rows(self, arrays: Sequence[Any]) -> list[Any] | None:
        """Share the blocks of rows among threads, this one among them; what has no rows each has by itself."""
        rows = next(len(a) for a, batched in zip(arrays, self.leaves.values(), strict=True) if batched)
        outs = [None if buffer is None else self._out(k, buffer, rows) for k, buffer in enumerate(self.code.outs)]
        blocks = -(-rows // self.rows_at_once)
        count = max(1, min(_cores(), blocks // BLOCKS_OF_A_THREAD))
        ends = [min(rows, blocks * k // count * self.rows_at_once) for k in range(count + 1)]
        found: list[Any] = [None] * count
        raised: list[BaseException] = []

        def part(k: int) -> None:
            own = [o if k == 0 or b is None or b[1] else np.empty_like(o)
                   for o, b in zip(outs, self.code.outs, strict=True)]  # fmt: skip
            try:
                with np.errstate(all="ignore"):
                    found[k] = self._run_blocks(arrays, own, ends[k], ends[k + 1])
            except _NOT_FINITE:
                return
            except BaseException as error:
                raised.append(error)

        threads = [threading.Thread(target=part, args=(k,)) for k in range(1, count)]
        for thread in threads:
            thread.start()
        part(0)
        for thread in threads:
            thread.join()
        if raised:
            raise raised[0]
        if any(one is None for one in found):
            return None
        return [o if o is not None else found[0][k] for k, o in enumerate(outs)]

    def _run_blocks(self, arrays: Sequence[Any], outs: Sequence[Array | None], begin: int, end: int) -> Any:
        """Some of the rows, block by block; what the last block gives, or None."""
        works = self._works(self.rows_at_once)
        found: Any = ()
        for start in range(begin, end, self.rows_at_once):
            stop = min(end, start + self.rows_at_once)
            part = [a[start:stop] if batched else a for a, batched in zip(arrays, self.leaves.values(), strict=True)]
            places = [o if o is None or b is None or not b[1] else o[start:stop]
                      for o, b in zip(outs, self.code.outs, strict=True)]  # fmt: skip
            used = works if stop - start == self.rows_at_once else [
                _part(w, b, stop - start) for w, b in zip(works, self.code.works, strict=True)]  # fmt: skip
            found = self.code.function(part, places, used)
            if found is None:
                break
        self.spare.append(works)
        return found

    def _out(self, k: int, buffer: Buffer, rows: int | None) -> Array:
        """A buffer for a result: one handed out before that nobody has any more, or a new one."""
        sizes, batched, kind = buffer
        shape = (rows, *sizes) if batched and rows is not None else sizes
        kept = self.given.setdefault(k, deque(maxlen=2))
        for _ in range(len(kept)):
            try:
                candidate = kept.pop()  # no other thread sees it until it is back, and held here
            except IndexError:
                break
            is_free = candidate.shape == shape and sys.getrefcount(candidate) == _ALONE
            if is_free:
                kept.append(candidate)  # at the end is what was handed out last: it is in a cache, if any is
                return candidate
            kept.appendleft(candidate)
        made = np.empty(shape, kind)
        kept.append(made)
        return made


def _cores() -> int:
    """How many threads may work at a time."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(given)) if given.isdecimal() else allowed_cores()


def _references_of_one_name() -> int:
    thing = object()
    return sys.getrefcount(thing)


_ALONE = _references_of_one_name()
"""The count of references of what one local name holds, and nothing else."""


def _made(buffer: Buffer, rows: int) -> Array:
    sizes, batched, kind = buffer
    if kind == 0.0 and not isinstance(kind, type):
        return np.zeros(prod(sizes) * (rows if batched else 1))
    return np.empty((rows, *sizes) if batched else sizes, kind)


def in_numbers(shape: Shape) -> Sizes:
    """A shape without symbols, as the sizes of an array."""
    return tuple(int(s) for s in shape)


def _part(array: Array, buffer: Buffer, rows: int) -> Array:
    """The buffer for fewer rows."""
    sizes, batched, kind = buffer
    if not batched:
        return array
    return array[:rows] if isinstance(kind, type) else array[: rows * prod(sizes)]


class GivesUp(Exception):
    """A value that is always the same is not finite."""


def compiled(leaves: Mapping[Node, bool], known: Mapping[Node, Array], forward: Sequence[Node],
             backward: Sequence[Node], results: Sequence[tuple[Node, Sizes]],
             watched: Sequence[Node]) -> Program:  # fmt: skip
    """A program for nodes in topological order that gives `results`, each in a shape.

    `leaves` are given at each call, and tell which have an axis of rows; `known` have their arrays. All values of the
    forward sweep must be finite, those that are `watched` too though nothing may take them; so must the results.
    Raises `GivesUp` where they can never be.
    """
    alone = not any(leaves.values())
    swept = [n for n in forward if n not in known]
    whole = {*known, *watched, *(node for node, _ in results)}
    lowering = Lowering(taken_apart(list(dict.fromkeys([*swept, *backward])), whole) if alone else ())
    places = [lowering.leaf(node, batched) for node, batched in leaves.items()]
    for node, array in known.items():
        lowering.keep(node, array)
    lowering.lower(forward)
    lowering.lower(backward)
    below = set(swept)
    looked_at = [*unseen(swept, watched), *watched, *(n for n, _ in results if n not in below)]
    shapes = [in_numbers(node.shape) if alone else () for node in leaves]
    code = Writer(
        lowering.listing, list(zip(places, shapes, strict=True)),
        [(lowering.whole(node), shape) for node, shape in results],
        _looks(lowering, looked_at), list(_faults(lowering, forward)),
    ).code()  # fmt: skip
    batched = [prod(v.sizes) for v in lowering.listing.made.values() if v.batched]
    no_outs = () if any(code.outs) else (None,) * len(results)
    rows_at_once = max(1, BLOCK_ENTRIES // max([1, *batched]))
    return Program(leaves, code, rows_at_once, no_outs=no_outs, takes_rows=not alone)


def _looks(lowering: Lowering, nodes: Iterable[Node]) -> list[tuple[Value, Value | None]]:
    """What to look at for the values, each thing once: a number that is not finite is seen in a product too."""
    found = dict.fromkeys(_looked_at(lowering, nodes))
    seen = {value for one, other in found if other is not None for value in (one, other)}
    return [(one, other) for one, other in found if other is not None or one not in seen]


def _looked_at(lowering: Lowering, nodes: Iterable[Node]) -> Iterator[tuple[Value, Value | None]]:
    """Each value; of a large product of a column and a row those two."""
    for node in nodes:
        value = lowering.operands[node]
        if not isinstance(value, Value):
            if not isfinite(value):
                raise GivesUp
            continue
        factors = _factors(lowering.listing.instruction(value))
        large = not value.batched and prod(value.sizes) > SMALL
        if large and factors is not None and max(prod(f.sizes) for f in factors) < prod(value.sizes):
            yield factors
        else:
            yield value, None


def _factors(made: Instruction | None) -> tuple[Value, Value] | None:
    if made is None or (made.detail is not np.multiply and made.kind != "outer"):
        return None
    one, other = made.operands
    return (one, other) if isinstance(one, Value) and isinstance(other, Value) else None


def _faults(lowering: Lowering, forward: Sequence[Node]) -> Iterator[Instruction]:
    """Where operands are out of a domain though the value may be finite."""
    for node in forward:
        if node.operation.fault is not None and not node.operation.shows_faults:
            operands = tuple(lowering.whole(i) for i in node.inputs)
            yield Instruction(lowering.listing.leaf((), False), "fault", operands, fault_of(node))
