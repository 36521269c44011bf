"""Inputs to records: what a worker does, and all that the bytes of a record depend on.

A unit of work is an equation file, or an equation file with a block of rows. Whatever goes wrong with an input is in
its record; rows whose block fails as a whole are done one by one.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace

from gradcalc import __version__
from gradcalc.batch.cells import Alike, Faulty, parsed
from gradcalc.batch.options import Options, read_data
from gradcalc.batch.records import CLAIM, Key, beginning, hash_of, hasher, record
from gradcalc.batch.rows import Block
from gradcalc.batch.together import Together
from gradcalc.data import Datum
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.evaluation import swept
from gradcalc.files import decode
from gradcalc.graph import count
from gradcalc.model import Model, loads
from gradcalc.planning.definitions import names_in
from gradcalc.report.columns import documents
from gradcalc.report.document import run_document
from gradcalc.report.encode import encode, error_document
from gradcalc.run import Run

ENTRIES_AT_ONCE = 2_000_000
"""Entries of all values of the rows that are evaluated together, at most, unless one row has more."""
MODELS, SWEEPS = 4, 64
"""How many files, and how many sets of shapes of one file, are kept prepared."""


@dataclass(frozen=True)
class Unit:
    """An equation file, or one with a block of rows; `fault` is the error document of a file that cannot be read."""

    source: str
    raw: bytes
    fault: str | None = None
    block: Block | None = None

    @property
    def count(self) -> int:
        """How many inputs it is."""
        return len(self.block.rows) if self.block else 1

    def part(self, start: int, end: int) -> Unit:
        """Some of the inputs."""
        return self if self.block is None else Unit(self.source, self.raw, self.fault, self.block.part(start, end))

    def singles(self) -> list[Unit]:
        """Each input as a unit of its own."""
        return [self.part(k, k + 1) for k in range(self.count)]

    def keys(self, options: str) -> Iterator[Key]:
        """What the records are of, in order."""
        block = self.block
        begun = hasher(__version__, options, self.raw, block.header if block else b"")
        if block is None:
            yield Key(self.source, None, hash_of(begun))
        else:
            for k, row in enumerate(block.rows):
                yield Key(self.source, block.start + k, hash_of(begun, row))

    def failed(self, options: str, diagnostics: Sequence[Diagnostic]) -> Done:
        """The records of inputs that all failed in one way."""
        begun, error = beginning(self.source), self.fault or error_document(diagnostics)
        code = json.loads(error)["errors"][0]["code"]
        lines = [record(begun, key, None, error) for key in self.keys(options)]
        return Done("".join(lines).encode(), [code] * len(lines))


@dataclass(frozen=True)
class Done:
    """Whole lines of records, the code of each ("" for a result), and the seconds that they took, 0 if that is not
    known."""

    lines: bytes
    codes: list[str]
    seconds: float = 0.0

    @classmethod
    def joined(cls, parts: Sequence[Done]) -> Done:
        """Several, one after the other."""
        codes = [c for p in parts for c in p.codes]
        return cls(b"".join(p.lines for p in parts), codes, sum(p.seconds for p in parts))


class Work:
    """Does units of work with the same options."""

    def __init__(self, options: str):
        read = Options.read(options)
        self.text, self.options, self.limits = options, read, read.limited()
        self.set = read_data(read.settings)
        self.given = {**read_data(read.data), **self.set}
        self.keep = None if read.only is None else frozenset(read.only)
        self.prepared: OrderedDict[tuple[str, bytes], _Prepared | GradcalcError] = OrderedDict()

    def done(self, unit: Unit) -> Done:
        """The records of a unit; `MemoryError` and faults of gradcalc's own cost the one input that has them."""
        begun = time.perf_counter()
        try:
            made = self._done(unit)
            return Done(made.lines, made.codes, time.perf_counter() - begun)
        except MemoryError:
            fault = Diagnostic("out-of-memory", "there is not enough memory for this", help="raise --memory")
        except Exception as error:
            name = f"{type(error).__name__}: {error}".split("\n", 1)[0][:200]
            fault = Diagnostic("internal", f"gradcalc itself failed ({name})", help="please report it with the input")
        self.prepared.clear()
        if unit.count > 1:
            return Done.joined([self.done(single) for single in unit.singles()])
        return unit.failed(self.text, [fault])

    def _done(self, unit: Unit) -> Done:
        if unit.fault is not None:
            return unit.failed(self.text, [])
        prepared = self._prepared(unit)
        if isinstance(prepared, GradcalcError):
            return unit.failed(self.text, prepared.diagnostics)
        found = list(self._rows(prepared, unit.block) if unit.block else self._single(prepared))
        found.sort(key=lambda one: one[0])
        begun, lines, codes = beginning(unit.source), [], []
        for key, (_, result, error, code) in zip(unit.keys(self.text), found, strict=True):
            lines.append(record(begun, key, result, error))
            codes.append(code)
        return Done("".join(lines).encode(), codes)

    def _prepared(self, unit: Unit) -> _Prepared | GradcalcError:
        key = unit.source, unit.raw
        if key not in self.prepared:
            while len(self.prepared) >= MODELS:
                self.prepared.popitem(last=False)
            self.prepared[key] = self._loaded(unit)
        self.prepared.move_to_end(key)
        return self.prepared[key]

    def _loaded(self, unit: Unit) -> _Prepared | GradcalcError:
        try:
            text = decode(unit.raw, unit.source)
            return _Prepared(loads(text, name=unit.source, limits=self.limits), self.options)
        except GradcalcError as error:
            return error

    # ---------------------------------------------------------------------------------- results

    def _single(self, prepared: _Prepared) -> Iterator[_Result]:
        given = {name: d for name, d in self.given.items() if name in prepared.names}
        try:
            yield from self._results(prepared.together(given).alone(given), np.array([0]))
        except GradcalcError as error:
            yield _failed(0, error)

    def _rows(self, prepared: _Prepared, block: Block) -> Iterator[_Result]:
        for part in parsed(block, prepared.names - self.set.keys(), self.limits):
            if isinstance(part, Faulty):
                yield _failed(part.place, part.error)
            else:
                yield from self._alike(prepared, part, block.form)

    def _alike(self, prepared: _Prepared, rows: Alike, form: str) -> Iterator[_Result]:
        given = {name: d for name, d in self.given.items() if name in prepared.names and name not in rows.data}
        try:
            together = prepared.together({**given, **rows.data})
        except GradcalcError as error:
            fault = GradcalcError([_of_rows(d, rows.empty, form) for d in error.diagnostics])
            yield from (_failed(int(place), fault) for place in rows.places)
            return
        step = max(1, ENTRIES_AT_ONCE // max(1, sum(count(n.shape) for n in together.sweep.backward_order)))
        for k in range(0, len(rows.places), step):
            part = {name: Datum(d.array[k : k + step], d.shape, d.labels) for name, d in rows.data.items()}
            some = rows.places[k : k + step]
            for places, run in together.runs({**given, **part}, len(some)):
                yield from self._results(run, some[places])

    def _results(self, run: Run | GradcalcError, places: Any) -> Iterator[_Result]:
        if isinstance(run, GradcalcError):
            yield _failed(int(places[0]), run)
        elif run.rows is not None:
            for place, text in zip(places.tolist(), documents(run, len(places), self.keep), strict=True):
                yield place, text, None, ""
        else:
            keep = self.keep | {"claims"} if self.keep is not None and run.failed else self.keep
            yield int(places[0]), encode(run_document(run, keep)), None, CLAIM if run.failed else ""


_Result = tuple[int, str | None, str | None, str]
"""The place of an input, the JSON of its result or of its error, and the code that it is counted as."""


def _failed(place: int, error: GradcalcError) -> _Result:
    return place, None, error_document(error.diagnostics), error.diagnostics[0].code


_NO_VALUE = re.compile(r"(?:the input )?`(.+)` (?:is not defined|has no value)")


def _of_rows(fault: Diagnostic, empty: Set[str], form: str) -> Diagnostic:
    """A name without a value may be a column that is missing, a key that the row has not, or what is `empty` in it."""
    found = _NO_VALUE.fullmatch(fault.message)
    value = f"a value with --set {found[1]}=..." if found else ""
    if found and found[1] in empty:
        return replace(fault, help=f"the row has nothing for `{found[1]}`: fill it in, or give {value}")
    if found and "--set" in fault.help:
        where = "the rows a column" if form == "csv" else "the row a value for"
        return replace(fault, help=f"give {where} `{found[1]}`, or {value}")
    return fault


class _Prepared:
    """A file that was read, and its plans for data of different shapes."""

    def __init__(self, model: Model, options: Options):
        self.model, self.options = model, options
        self.names = names_in(model.program)
        self.plans: OrderedDict[Any, Together | GradcalcError] = OrderedDict()

    def together(self, data: Mapping[str, Datum]) -> Together:
        """What runs data of these shapes. Raises `GradcalcError`."""
        shapes = {name: d.shape for name, d in data.items()}
        key = tuple(shapes.items())
        if key not in self.plans:
            while len(self.plans) >= SWEEPS:
                self.plans.popitem(last=False)
            self.plans[key] = self._planned(shapes)
        found = self.plans[key]
        if isinstance(found, GradcalcError):
            raise found
        return found

    def _planned(self, shapes: Mapping[str, Any]) -> Together | GradcalcError:
        options = self.options
        try:
            sweep = swept(self.model.plan(shapes, of=options.of, layout=options.layout), None)
            return Together(sweep, self.model.program.source.name, options.wrt, None, options.local_values)
        except GradcalcError as error:
            return error
