"""JSON text, and the document of errors: needs nothing but the standard library."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from gradcalc.errors import Diagnostic
from gradcalc.report.diagnostic import to_json
from gradcalc.symbols import INVISIBLE


def encode(document: dict[str, Any]) -> str:
    """One line of JSON in which nothing is invisible; NaN and infinity must have become strings before."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return text if text.isascii() else INVISIBLE.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    """An invisible character as JSON escapes it; a byte of a file's name that is no UTF-8 stands as `\\xff`."""
    character = found.group()
    if not "\ud800" <= character <= "\udfff":
        return json.dumps(character)[1:-1]
    number = ord(character)
    return f"\\\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\\\u{number:04x}"


MOST = 1_000
"""Errors of one input that a document holds."""


def error_document(diagnostics: Sequence[Diagnostic]) -> str:
    """`gradcalc.error/1`, of the first errors where they are many."""
    return encode({"schema": "gradcalc.error/1", "errors": [to_json(d) for d in diagnostics[:MOST]]})
