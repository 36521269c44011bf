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


def hasher(version: str, options: str, text: bytes) -> Any:
    """What the rows of one equation file are hashed after."""
    begun = hashlib.sha256()
    for part in (version.encode(), options.encode(), text):
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


def record(begun: str, key: Key, result: str | None, error: str | None) -> str:
    """The line of a record, from the JSON of its result or of its error."""
    row = "null" if key.row is None else str(key.row)
    status = "ok" if error is None else "error"
    return (
        f'{begun}, "row": {row}, "hash": "{key.hash}", "status": "{status}", '
        f'"result": {result or "null"}, "error": {error or "null"}}}\n'
    )


def parsed(line: bytes) -> tuple[Key, str] | None:
    """The key of a complete record and the code of its error ("" for a result); None for anything else."""
    if not line.endswith(b"}\n"):
        return None
    try:
        found = json.loads(line)
        key = Key(found["source"], found["row"], found["hash"])
        code = found["error"]["errors"][0]["code"] if found["status"] == "error" else ""
        return (key, code) if found["schema"] == SCHEMA else None
    except (ValueError, KeyError, TypeError, IndexError):
        return None
