"""Data from outside: every format, and what is refused with which code before it does harm."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcalc import GradcalcError, loads
from gradcalc.codes import exit_of
from gradcalc.data import datum, load_array, load_data
from gradcalc.errors import Diagnostic, Exit, Limits
from gradcalc.report.diagnostic import render

SMALL = Limits(data_bytes=10_000, entries=100)


def fault(call: Any, *arguments: Any) -> Diagnostic:
    """The one diagnostic that a call raises."""
    with pytest.raises(GradcalcError) as caught:
        call(*arguments)
    [found] = caught.value.diagnostics
    return found


# ------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("value", "shape", "array"),
    [
        (2, (), [[2]]),
        (-0.5, (), [[-0.5]]),
        (np.float32(0.5), (), [[0.5]]),
        (np.int64(3), (), [[3]]),
        ([1, 2], (2,), [[1], [2]]),
        ((1, 2), (2,), [[1], [2]]),
        ([5], (1,), [[5]]),
        ([[1, 2], [3, 4]], (2, 2), [[1, 2], [3, 4]]),
        ([[1, 2, 3]], (1, 3), [[1, 2, 3]]),
        ([[1], [2]], (2,), [[1], [2]]),
        (np.array(7.0), (), [[7]]),
        (np.array([1, 2], dtype=np.int8), (2,), [[1], [2]]),
        (np.array([True, False]), (2,), [[1], [0]]),
        (np.array([[1, 2]], order="F"), (1, 2), [[1, 2]]),
        ({"a": 1, "b": 2}, (2,), [[1], [2]]),
    ],
)
def test_values(value: Any, shape: tuple[int, ...], array: list[list[float]]) -> None:
    """A list is a column, a list of lists a matrix; all become float64 of rank 2."""
    found = datum("x", value)
    assert found.shape == shape
    assert found.array.dtype == np.float64 and found.array.tolist() == array
    assert found.labels == (tuple(value) if isinstance(value, dict) else ())


def test_arrays_are_copied() -> None:
    """What the caller does to its array later does not reach the run."""
    mine = np.array([1.0, 2.0])
    found = datum("x", mine)
    mine[0] = 9
    assert found.array[0, 0] == 1


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("3", "is not a number, a list"),
        (None, "is not a number, a list"),
        (True, "not a number"),
        (1j, "is not a number, a list"),
        ([1, "2"], "not a number: '2'"),
        ([1, None], "not a number: null"),
        ([True], "not a number: true"),
        ([1, [2]], "mixes numbers and lists"),
        ([[1, 2], [3]], "different lengths"),
        ([[[1]]], "not a number: a list"),
        ([{"a": 1}], "not a number: an object"),
        ({"a": [1]}, "whose value is not a number"),
        (float("nan"), "is NaN"),
        (np.complex128(1j), "is not a number"),
        (np.array([np.longdouble("1e4000")]), "infinite, at [0]"),
        ([[1, 2], [3, float("nan")]], "NaN, at [1, 1]"),
        ([1, float("inf")], "infinite, at [1]"),
        (10**400, "too large"),
        ([10**400], "too large"),
        (np.array([np.nan]), "NaN, at [0]"),
        (np.zeros((2, 2, 2)), "3 axes"),
        (np.array(["a"]), "of type"),
        (np.array([1j]), "of type"),
        (np.array([object()]), "of type"),
        (np.array([b"x"]), "of type"),
    ],
)
def test_what_is_no_data(value: Any, word: str) -> None:
    """Each is a `bad-data` that names the value and says why."""
    found = fault(datum, "x", value)
    assert found.code == "bad-data" and "`x`" in found.message and word in found.message


def test_a_run_refuses_bad_data_and_names_unused_data() -> None:
    """The same through the API."""
    model = loads("s = sum(x); x = [1]")
    assert fault(model.run, {"x": [[1], [2, 3]]}).code == "bad-data"
    assert [w.code for w in model.run({"y": 1}).warnings] == ["unused-data"]


# -------------------------------------------------------------------------------------- files


def test_every_format(tmp_path: Path) -> None:
    """The same matrix from .npy, .npz, .json and .csv; with a byte order mark; suffixes in any case."""
    matrix = np.array([[1, 2.5], [-3, 4e-3]])
    np.save(tmp_path / "W.npy", matrix)
    np.save(tmp_path / "F.NPY".lower(), np.asfortranarray(matrix))
    np.savez(tmp_path / "W.npz", W=matrix, x=[1, 2])
    np.savez_compressed(tmp_path / "one.npz", anything=matrix)
    (tmp_path / "W.json").write_text(json.dumps(matrix.tolist()))
    (tmp_path / "all.json").write_text("\ufeff" + json.dumps({"W": matrix.tolist(), "\\delta": 2}), encoding="utf-8")
    (tmp_path / "W.csv").write_bytes(b"\xef\xbb\xbf1,2.5\r\n -3 , 4e-3\r\n\r\n")
    for name in ("W.npy", "f.npy", "W.npz", "one.npz", "W.json", "all.json", "W.csv"):
        assert load_array("W", tmp_path / name, Limits()).array.tolist() == matrix.tolist(), name
    data = load_data(tmp_path / "all.json", Limits())
    assert set(data) == {"W", "δ"} and data["δ"].shape == ()
    assert load_data(tmp_path / "W.npz", Limits())["x"].shape == (2,)


@pytest.mark.parametrize(("text", "shape"), [("1\n2\n3\n", (3,)), ("1,2,3\n", (1, 3)), ("5", (1,))])
def test_csv_shapes(tmp_path: Path, text: str, shape: tuple[int, ...]) -> None:
    """One cell a line is a column, one line of cells a row."""
    (tmp_path / "x.csv").write_text(text)
    assert load_array("x", tmp_path / "x.csv", Limits()).shape == shape


@pytest.mark.parametrize(
    ("name", "content", "code", "word"),
    [
        ("x.csv", b"a,b\n1,2\n", "bad-data", "1:1 no number: `a`"),
        ("x.csv", b"1,2\n3,\n", "bad-data", "2:3 no number: ``"),
        ("x.csv", b"1,nan\n", "bad-data", "1:3 no number: `nan`"),
        ("x.csv", b"1_0\n", "bad-data", "1:1 no number: `1_0`"),
        ("x.csv", "٣\n".encode(), "bad-data", "1:1 no number: `٣`"),
        ("x.csv", b'"1","2"\n', "bad-data", "1:1 no number: `\"1\"`"),
        ("x.csv", b"1\n2;3\n", "bad-data", "2:1 no number: `2;3`"),
        ("x.csv", "1\u20282\n".encode(), "bad-data", "1:1 no number"),
        ("x.csv", b"1\0\n", "bad-data", "1:1 no number"),
        ("x.csv", b"\n \n", "bad-data", "holds no numbers"),
        ("x.csv", b"1e999\n", "bad-data", "infinite"),
        ("x.csv", b"1,2\n\n3\n", "bad-data", "3:1 rows of different lengths: 1 after 2"),
        ("x.csv", b"\xff\xfe", "not-utf8", "1:1 is not UTF-8"),
        ("x.json", b"", "unreadable-file", "1:1 no JSON: expecting value"),
        ("x.json", b"[1,\n2", "unreadable-file", "2:2 no JSON: expecting ',' delimiter"),
        ("x.json", b"[1] x", "unreadable-file", "1:5 no JSON: extra data"),
        ("x.json", b"[NaN]", "unreadable-file", "NaN is not a number"),
        ("x.json", b"[-Infinity]", "unreadable-file", "Infinity"),
        ("x.json", b"[1e999]", "bad-data", "infinite"),
        ("x.json", b"1" + b"0" * 400, "bad-data", "infinite"),
        ("x.json", b"1" * 5000, "bad-data", "infinite"),
        ("x.json", b'"text"', "bad-data", "not a number"),
        ("x.json", b'{"x": 1, "x": 2}', "unreadable-file", "stands twice"),
        ("x.json", b'{"y": [1], "z": 2}', "bad-data", "is not in"),
        ("x.json", b"{}", "bad-data", "an object without entries"),
        ("x.json", b'{"x": {"a": 1, "b": {}}}', "bad-data", "a label whose value is not a number"),
        ("x.json", b"true", "bad-data", "not a number"),
        ("x.json", b"[[1, 2], [3]]", "bad-data", "different lengths"),
        ("x.json", b"[1, [2]]", "bad-data", "mixes"),
        ("x.json", b"[[[1]]]", "bad-data", "a list"),
        ("x.json", b"[1,\n\xff]", "not-utf8", "2:1 is not UTF-8"),
        ("x.json", b"[" * 4000 + b"]" * 4000, None, ""),
        ("x.json", b"[" * 9_000, "unreadable-file", "nest too deep"),
        ("x.json", b'{"x":' * 1_900, "unreadable-file", "nest too deep"),
        ("x.npy", b"", "unreadable-file", ""),
        ("x.npy", b"not numpy at all", "unreadable-file", "magic"),
        ("x.npy", b"\x93NUMPY\x01\x00", "unreadable-file", ""),
        ("x.npy", b"\x93NUMPY\x09\x00\x00\x00", "unreadable-file", ""),
        ("x.npz", b"PK not a zip", "unreadable-file", "zip"),
        ("x.npz", b"", "unreadable-file", "zip"),
    ],
)  # fmt: skip
def test_broken_files(tmp_path: Path, name: str, content: bytes, code: str | None, word: str) -> None:
    """A coded error for each, never a traceback."""
    (tmp_path / name).write_bytes(content)
    found = fault(load_array, "x", tmp_path / name, SMALL)
    assert found.code == code if code else found.code in ("unreadable-file", "bad-data")
    place = re.match(r"(\d+):(\d+) ", word)
    if place:
        assert found.span and (found.span.line, found.span.column) == tuple(map(int, place.groups()))
        assert found.span.source.name == str(tmp_path / name) and "^" in render(found)
    assert word[place.end() if place else 0 :] in found.message and found.help
    assert exit_of(found.code) in (Exit.INPUT, Exit.FILE)


def test_files_that_are_none(tmp_path: Path) -> None:
    """Missing, a folder, not permitted."""
    assert fault(load_array, "x", tmp_path / "none.npy", SMALL).code == "unreadable-file"
    assert fault(load_array, "x", tmp_path, SMALL).code == "unreadable-file"
    assert fault(load_data, tmp_path / "none.json", SMALL).code == "unreadable-file"
    (tmp_path / "list.json").write_text("[1, 2]")
    assert fault(load_data, tmp_path / "list.json", SMALL).code == "bad-data"


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
def test_an_endless_file_is_read_to_the_limit_only() -> None:
    """A device has size 0 and no end."""
    assert fault(load_array, "x", "/dev/zero", SMALL).code == "limit-data"


# ------------------------------------------------------------------------------------ hostile


class Trap:
    """Unpickling it would leave a mark."""

    def __init__(self, mark: Path):
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (self.mark,))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """Object arrays are refused by their header, pickles by their magic."""
    mark = tmp_path / "sprung"
    np.save(tmp_path / "x.npy", np.array([Trap(mark)], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([Trap(mark)], dtype=object))
    (tmp_path / "y.npy").write_bytes(pickle.dumps(Trap(mark)))
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Trap(mark)))
    for name in ("x.npy", "x.npz", "y.npy", "y.npz"):
        assert fault(load_array, "x", tmp_path / name, Limits()).code == "unreadable-file", name
    assert not mark.exists()


def _npy(shape: str, kind: str = "<f8", content: bytes = b"") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


@pytest.mark.parametrize(
    ("shape", "kind", "code"),
    [
        ("(1000000000,)", "<f8", "limit-entries"),
        ("(100000, 100000)", "<f8", "limit-entries"),
        ("(99999999999999999999999,)", "<f8", "limit-entries"),
        ("(50,)", "<f8", "unreadable-file"),
        ("(1, 101)", "<f8", "limit-entries"),
        ("(-5,)", "<f8", "unreadable-file"),
        ("(2,)", "<U5", "unreadable-file"),
        ("(2,)", "<c16", "unreadable-file"),
        ("(2,)", "|V8", "unreadable-file"),
        ("(2,)", "|O", "unreadable-file"),
        ("__import__('os')", "<f8", "unreadable-file"),
    ],
)
def test_headers_are_checked_before_memory_is_asked_for(tmp_path: Path, shape: str, kind: str, code: str) -> None:
    """A header may claim a billion entries: nothing is allocated, alone or inside an archive."""
    raw = _npy(shape, kind, b"\0" * 16)
    (tmp_path / "x.npy").write_bytes(raw)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", raw)
    tracemalloc.start()
    try:
        for name in ("x.npy", "x.npz"):
            assert fault(load_array, "x", tmp_path / name, SMALL).code == code
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    """The inflated size counts, at the limit exactly."""
    raw = io.BytesIO()
    np.save(raw, np.zeros(90))
    size = len(raw.getvalue())
    for limit, expected in ((size - 1, "limit-data"), (size, None), (size + 1, None)):
        with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", raw.getvalue())
        if expected:
            found = fault(load_array, "x", tmp_path / "x.npz", Limits(data_bytes=limit))
            assert (found.code, exit_of(found.code)) == (expected, Exit.LIMIT)
        else:
            assert load_array("x", tmp_path / "x.npz", Limits(data_bytes=limit)).shape == (90,)


def test_a_directory_that_lies_about_sizes(tmp_path: Path) -> None:
    """A member inflates to no more than the directory says; then the array is cut short."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", _npy("(90,)", content=b"\0" * 720))
    raw = bytearray((tmp_path / "x.npz").read_bytes())
    at = raw.index(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 100)
    (tmp_path / "x.npz").write_bytes(raw)
    assert fault(load_array, "x", tmp_path / "x.npz", Limits()).code == "unreadable-file"


def test_the_limit_of_bytes_is_exact(tmp_path: Path) -> None:
    """One below, at, and one beyond."""
    (tmp_path / "x.json").write_bytes(b"[1, 2, 3]")
    for limit in (9, 10):
        assert load_array("x", tmp_path / "x.json", Limits(data_bytes=limit)).shape == (3,)
    assert fault(load_array, "x", tmp_path / "x.json", Limits(data_bytes=8)).code == "limit-data"


@pytest.mark.parametrize("entries", [99, 100, 101])
def test_entries_from_outside_are_limited(tmp_path: Path, entries: int) -> None:
    """The limit of entries holds for data too, whatever the format and wherever it comes from."""
    numbers = np.ones(entries)
    np.save(tmp_path / "x.npy", numbers)
    np.savez_compressed(tmp_path / "x.npz", x=numbers)
    (tmp_path / "x.json").write_text(json.dumps(numbers.tolist()))
    (tmp_path / "named.json").write_text(json.dumps({"x": numbers.tolist()}))
    (tmp_path / "x.csv").write_text("1\n" * entries)
    model = loads("s = sum(x)", limits=SMALL)

    def run(name: str) -> float:
        return float(model.run({"x": load_array("x", tmp_path / name, SMALL) if name else numbers}).value)

    for name in ("", "x.npy", "x.npz", "x.json", "named.json", "x.csv"):
        if entries <= 100:
            assert run(name) == entries
        else:
            assert fault(run, name).code == "limit-entries"


def test_forbidden_characters_in_names_and_labels(tmp_path: Path) -> None:
    """What cannot be seen is refused by code point in keys of JSON, members of archives, labels; so are long names."""
    for text, code, word in (
        ('{"x\\u200b": [1]}', "forbidden-character", "U+200B (zero width space)"),
        ('{"x\u202e": [1]}', "forbidden-character", "U+202E (right-to-left override)"),
        ('{"\\u0000": 1}', "forbidden-character", "U+0000 (null)"),
        ('{"\\ud800": 1}', "forbidden-character", "U+D800 (a surrogate)"),
        ('{"x": {"a\\u001b[31m": 1}}', "forbidden-character", "U+001B (escape)"),
        ('{"' + "x" * 128 + '": 1}', "", ""),
        ('{"' + "x" * 129 + '": 1}', "limit-name", "129 characters"),
    ):
        (tmp_path / "x.json").write_text(text, encoding="utf-8")
        if code:
            found = fault(load_data, tmp_path / "x.json", SMALL)
            assert found.code == code and word in found.message
        else:
            assert len(load_data(tmp_path / "x.json", SMALL)) == 1
    np.savez(tmp_path / "x.npz", **{"x\u200b": np.ones(2)})
    for call in (lambda: load_data(tmp_path / "x.npz", SMALL), lambda: load_array("x", tmp_path / "x.npz", SMALL)):
        assert fault(call).code == "forbidden-character"
    assert fault(datum, "x", {"a\u200bb": 1}).code == "forbidden-character"


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.array([None]), "Python objects, which are never loaded"),
        (np.array([1j]), "complex128"),
        (np.array(["a"]), "<U1"),
        (np.array([b"a"]), "|S1"),
        (np.zeros(2, dtype=[("a", "f8")]), "'a'"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
        (np.zeros((2, 2, 2)), "3 axes"),
        (np.array([[1, 2], [3, np.nan]]), "NaN, at [1, 1]"),
        (np.array([1, np.inf]), "infinite, at [1]"),
        (np.array([np.longdouble("1e4000")]), "infinite, at [0]"),
    ],
)
def test_types_that_are_refused(tmp_path: Path, array: Any, word: str) -> None:
    """Only real numbers, in a vector or a matrix, all finite; the message names the type or the entry."""
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=array)
    for name in ("x.npy", "x.npz"):
        found = fault(load_array, "x", tmp_path / name, SMALL)
        assert found.code in ("unreadable-file", "bad-data") and word in found.message


@pytest.mark.parametrize(
    ("array", "value"),
    [
        (np.array([True, False]), [1.0, 0.0]),
        (np.array([2**53 + 1]), [2.0**53]),
        (np.array([2**64 - 1], dtype=np.uint64), [2.0**64]),
        (np.array([1.5], dtype=np.float16), [1.5]),
        (np.array([0.1], dtype=np.float32), [0.10000000149011612]),
        (np.array([1.5], dtype=np.longdouble), [1.5]),
        (np.array([1.5], dtype=">f8"), [1.5]),
        (np.array([-0.0]), [-0.0]),
    ],
)
def test_types_that_are_read(tmp_path: Path, array: Any, value: list[float]) -> None:
    """Every real type is rounded to the nearest float64, as a literal is; truth values are 0 and 1."""
    np.save(tmp_path / "x.npy", array)
    found = load_array("x", tmp_path / "x.npy", SMALL).array
    assert [v.hex() for v in found[:, 0].tolist()] == [v.hex() for v in value]


def test_a_bomb_of_small_types_is_counted_as_float64(tmp_path: Path) -> None:
    """A truth value takes a byte in the file and eight in memory."""
    for count, refused in ((12, False), (13, True)):  # 12 · 100 · 8 bytes are less than 10,000
        np.savez_compressed(tmp_path / "x.npz", **{f"a{i}": np.ones(100, dtype=bool) for i in range(count)})
        limits = Limits(data_bytes=10_000, entries=100)
        if refused:
            assert fault(load_data, tmp_path / "x.npz", limits).code == "limit-data"
        else:
            assert len(load_data(tmp_path / "x.npz", limits)) == count


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    """A header may ask LZMA for a dictionary of 4 GiB: savez never writes such a thing."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", _npy("(2,)", content=b"\0" * 16))
    found = fault(load_data, tmp_path / "x.npz", SMALL)
    assert found.code == "unreadable-file" and "numpy.savez" in found.message


def test_a_file_of_one_array_is_no_file_of_names(tmp_path: Path) -> None:
    """`--data W.csv`: the remedy says how."""
    for name in ("W.csv", "W.npy"):
        found = fault(load_data, tmp_path / name, SMALL)
        assert found.code == "bad-data" and found.help == f"write --set W=@{tmp_path / name}"
    assert "--set NAME=@" in fault(load_data, tmp_path / "1-2.csv", SMALL).help


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_to_its_end_or_to_the_limit(tmp_path: Path) -> None:
    """`--data <(...)` is a pipe: it has no size, and its writer may never stop."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for content, code in ((b'{"x": [1, 2]}', ""), (b"1," * 20_000, "limit-data")):
        writer = subprocess.Popen(
            [sys.executable, "-c", f"import sys; open(sys.argv[1], 'wb').write({content!r})", str(pipe)],
            stderr=subprocess.DEVNULL,
        )
        if code:
            assert fault(load_data, pipe, SMALL).code == code
        else:
            assert load_data(pipe, SMALL)["x"].shape == (2,)
        writer.wait(10)


def test_which_array_of_an_archive(tmp_path: Path) -> None:
    """The one of the name; of several others none is guessed."""
    np.savez(tmp_path / "x.npz", a=[1], b=[2])
    found = fault(load_array, "x", tmp_path / "x.npz", Limits())
    assert found.code == "bad-data" and found.help == "it holds a, b"
