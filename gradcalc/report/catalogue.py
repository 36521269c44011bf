"""The list of the codes of diagnostics, and what each means."""

from __future__ import annotations

from collections.abc import Collection

from gradcalc.codes import CODES
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.report.diagnostic import escape
from gradcalc.report.encode import encode
from gradcalc.suggest import did_you_mean


def not_listed(code: str, name: str, kind: str, listed: Collection[str], command: str) -> GradcalcError:
    """The error for a name that a list does not have, with the name that is meant, or the command that lists them."""
    close = did_you_mean(name, listed)
    remedy = f"did you mean `{close}`?" if close else f"`{command}` lists them"
    return GradcalcError(Diagnostic(code, f"`{name}` is not {kind}", help=remedy))


def explain(code: str | None, as_json: bool) -> str:
    """What a code means, or the list of codes. Raises `GradcalcError` for an unknown one."""
    if code is not None and code not in CODES:
        raise not_listed("unknown-code", code, "a code", CODES, "gradcalc explain")
    chosen = CODES if code is None else {code: CODES[code]}
    if as_json:
        fields = {
            k: {
                "title": c.title,
                "explanation": c.explanation,
                "example": c.example,
                "mended": c.mended,
                "exit": None if c.exit is None else int(c.exit),
            }
            for k, c in chosen.items()
        }
        return encode({"schema": "gradcalc.explain/1", "codes": fields}) + "\n"
    if code is None:
        return "".join(f"{k:<22} {c.title}\n" for k, c in sorted(CODES.items()))
    return _explained(code)


def _explained(code: str) -> str:
    found = CODES[code]
    text = f"{code}: {found.title}\n\n{found.explanation}\n"
    if found.example:
        text += f"\nFor example\n\n{_indented(found.example)}\n"
    if found.mended:
        text += f"\nMended\n\n{_indented(found.mended)}\n"
    return text


def _indented(text: str) -> str:
    return "\n".join(f"    {escape(line)}" for line in text.split("\n"))
