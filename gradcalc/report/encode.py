"""JSON text, and the document of errors: needs nothing but the standard library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gradcalc.errors import Diagnostic
from gradcalc.report.diagnostic import to_json
from gradcalc.symbols import INVISIBLE


def encode(document: dict[str, Any]) -> str:
    """One line of JSON in which nothing is invisible; NaN and infinity must have become strings before."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return text if text.isascii() else INVISIBLE.sub(lambda m: json.dumps(m.group())[1:-1], text)


MOST = 1_000
"""Errors of one input that a document holds."""


def error_document(diagnostics: Sequence[Diagnostic]) -> str:
    """`gradcalc.error/1`, of the first errors where they are many."""
    return encode({"schema": "gradcalc.error/1", "errors": [to_json(d) for d in diagnostics[:MOST]]})
