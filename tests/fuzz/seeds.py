"""What a run begins with: the repository's own texts and a few files of data, as inputs of each target."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gradcalc.codes import CODES
from gradcalc.ops.table import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
MOST = 1500
"""Bytes of a seed at most; a longer text is cut into its statements."""


def texts() -> list[str]:
    """Every equation file of the repository, the examples of the diagnostics and of the functions, README's blocks."""
    found = [p.read_text(encoding="utf-8", errors="replace") for p in sorted(ROOT.glob("samples/*.eq"))]
    found += [p.read_text(encoding="utf-8", errors="replace") for p in sorted(ROOT.glob("tests/diagnostics/*/*.eq"))]
    for code in CODES.values():
        found += [text for text in (code.example, code.mended) if not text.startswith("$ ")]
    found += [f"q = {function.example}" for function in FUNCTIONS.values()]
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))):
        found += re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
        found += re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
    short = [text for text in found if len(text.encode()) <= MOST]
    for text in found:
        if len(text.encode()) > MOST:
            short += [part for part in text.splitlines() if part.strip() and len(part.encode()) <= MOST]
    return list(dict.fromkeys(short))


def seeds(target: str) -> Iterator[bytes]:
    """Inputs of a target."""
    match target:
        case "text":
            yield from (text.encode() for text in texts())
        case "mutation":
            yield from (bytes((k % 64, k % 251)) + text.encode() for k, text in enumerate(texts()))
        case "program":
            yield from (np.random.default_rng(k).bytes(24 + 4 * (k % 20)) for k in range(300))
        case "setting":
            yield from _settings()
        case "data":
            yield from _data()
        case "rows":
            yield from _rows()


def _settings() -> Iterator[bytes]:
    """The option stands in the first byte: see `targets._OPTIONS`."""
    for option, texts in enumerate(
        (
            ("x=2", "W=[[1, 2], [3, 4]]", "x=[in: 0.5]", "x=@/dev/null", "x", "=3", "x=y", "x=@x.npy", "δ=1; y=2"),
            ("2", "[1, 2; 3, 4]", "sin(1)", "[a: 1, b: 2]", "ones(3)", "1e400", "inv([1, 2; 3, 4])", "exp(800)", ""),
            ("1", "[1, 2]", "@v.npy", "v.csv", "a.json"),
            ("1", "x=[1, 2]", "x == 2", "x="),
            ("x=1\ny=2", "x=1\n2"),
            ("nodes=10", "entries=x", "side=²", "=", "name=99999999999999999999", "side"),
        )
    ):
        yield from (bytes((option,)) + text.encode() for text in texts)


def _data() -> Iterator[bytes]:
    """The kind stands in the first byte: see `targets._KINDS`."""
    for kind, contents in enumerate(
        (
            (b"[1, 2, 3]", b'{"in": 0.5, "Paris": -1e-3}', b"2.5", b"[[1, 2], [3, 4]]", b"[]", b"[[]]", b"1e400"),
            (b'{"x": [1, 2], "W": [[1, 0], [0, 1]], "a": 0.5}', b'{"x": {"a": 1}}', b"{}", b'{"x": NaN}'),
            (b"1,2\n3,4\n", b"1\n2\n3", b"1e308\n-0.0", b"a,b\n1,2", b""),
            _npy_files(),
            (
                b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n" + np.array([1.0, 2.0]).tobytes(),
                b"{'descr': '<i4', 'fortran_order': True, 'shape': (1, 2), }\n" + b"\x01\0\0\0\x02\0\0\0",
                b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n",
                b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }\n",
            ),
            _npz_files(),
            (
                b"x.npy\0{'descr': '|b1', 'fortran_order': False, 'shape': (), }\n\x01",
                b"x.npy\0{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1), }\n\x01\x02\0y\0rest",
            ),
        )
    ):
        yield from (bytes((kind, 7)) + content for content in contents)


def _rows() -> Iterator[bytes]:
    """The kind stands in the first byte: see `targets._ROWS`."""
    for kind, contents in enumerate(
        (
            (b"x,v[0],v[1]\n1,2,3\n4,5,6\n", b'x,v\n1,"[1, 2]"\n,\n2,[3]\n', b"x\n1\n", b"v[1],v[0],x\n1,2\n1,2,x\n",
             b'\xef\xbb\xbfx,"v[0]"\r\n0,1e400\r\nnan,-0\r\n'),
            (b'{"x": 1, "v": [1, 2]}\n{"x": 0, "v": []}\n', b'{"x": null}\nnull\n1\n"x"\n[]\n',
             b'{"x": NaN, "v[0]": 1}', b'{"x": {"a": 1}, "v": {"a": 1}}\n\n{'),
            (b"x.npy\0{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n\x01\x02\0",
             b"v.npy\0{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1), }\n\x01\x02\0"),
        )
    ):  # fmt: skip
        yield from (bytes((kind,)) + content for content in contents)


def _npy_files() -> Iterator[bytes]:
    for array in (
        np.arange(3.0),
        np.eye(2),
        np.array(1.5),
        np.zeros((0, 2)),
        np.array([True]),
        np.ones((2, 2, 2), "f4"),
    ):
        stream = io.BytesIO()
        np.save(stream, array)
        yield stream.getvalue()


def _npz_files() -> Iterator[bytes]:
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, x=np.arange(2.0), W=np.eye(2))
        yield stream.getvalue()


def tokens() -> list[str]:
    """Words of the language, for the fuzzer's dictionary."""
    marks = (
        "= == ; , ( ) [ ] { } ^ .^ ** ^T ^-1 ^-T ^{-1} ' ᵀ * .* ./ / · @ ∘ ⊙ ⊗ + - − | || ‖ ||_1 ||_inf < <= >= != ≤ ≠ "
        "∂ ∂/∂x \\partial \\delta \\circ ∈ R^n R^{n×m} R^(2x3) @layout numerator shape input (input) axis=0 axis=1 "
        "where( 1( f'( [1,2;3,4] 1e308 5e-324 -0.0 1e400 0 inf nan \\sigma \\top grad( d( )/d( : # \" pi π I T e ∂² ₁"
    )
    return [*marks.split(" "), "\n", " in ", *sorted(FUNCTIONS)]
