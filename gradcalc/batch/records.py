"""Records: one line of JSON for each input, and what tells whether a record that is there still holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from gradcalc.report.encode import encode

SCHEMA = "gradcalc.record/1"
LENGTH = 32
"""Hexadecimal digits of a hash."""


@dataclass(frozen=True)
class Key:
    """What a record is of: the equation file, the number of the row from 0 (None without rows), and the hash of the
    text, the row, the options and the version."""

    source: str
    row: int | None
    hash: str


def hasher(version: str, options: str, *texts: bytes) -> Any:
    """What the rows of one equation file are hashed after: its text, the names of the columns."""
    begun = hashlib.sha256()
    for part in (version.encode(), options.encode(), *texts):
        begun.update(len(part).to_bytes(8, "big"))
        begun.update(part)
    return begun


def hash_of(begun: Any, row: bytes = b"") -> str:
    """The hash of one row after what was hashed before."""
    whole = begun.copy()
    whole.update(row)
    return str(whole.hexdigest()[:LENGTH])


def beginning(source: str) -> str:
    """A record up to its row."""
    return encode({"schema": SCHEMA, "source": source})[:-1]


def start_of(begun: str, key: Key) -> str:
    """A record up to its hash, which no other input's has."""
    row = "null" if key.row is None else str(key.row)
    return f'{begun}, "row": {row}, "hash": "{key.hash}", '


def record(begun: str, key: Key, result: str | None, error: str | None) -> str:
    """The line of a record, from the JSON of its result or of its error."""
    status = "ok" if error is None else "error"
    return f'{start_of(begun, key)}"status": "{status}", "result": {result or "null"}, "error": {error or "null"}}}\n'


CLAIM = "claim-failed"
"""What an input with a claim that does not hold is counted as; its record is a result."""


def code_of(line: bytes) -> str:
    """The code that a record is counted as: "" for a result."""
    if b'"status": "error"' not in line and b'"holds": false' not in line:
        return ""
    found = json.loads(line)
    if found["status"] == "error":
        return str(found["error"]["errors"][0]["code"])
    claims = (found["result"] or {}).get("claims") or []
    return CLAIM if any(not claim["holds"] for claim in claims) else ""
