"""`python -m tests.differential --programs 10000 --against jax,torch`: random programs against other systems.

Prints how many agree and what the oracle says of the others; `--write FILE` keeps it as JSON. `--edges` prints, as
Markdown, the table of what every system gives at kinks and edges instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from tests.differential.compare import Comparison
from tests.differential.edges import as_markdown
from tests.differential.systems import SYSTEMS, version


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--programs", type=int, default=200, help="how many random programs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--against", default="jax,torch", help=f"of {', '.join(SYSTEMS)}, with commas")
    parser.add_argument("--exact-every", type=int, default=10, help="of every Nth program the oracle is asked anyway")
    parser.add_argument("--write", type=Path, help="a file for the summary")
    parser.add_argument("--edges", action="store_true", help="the table of kinks and edges, as Markdown")
    return parser.parse_args()


def compared(options: argparse.Namespace) -> Comparison:
    """The comparison of all programs, with a line of progress now and then."""
    made = Comparison(tuple(filter(None, options.against.split(","))), options.exact_every)
    start = time.monotonic()
    for count, _ in enumerate(made.over(range(options.first, options.first + options.programs)), 1):
        if count % 100 == 0:
            print(f"{count} programs, {len(made.found)} gradients differ, {time.monotonic() - start:.0f} s",
                  file=sys.stderr, flush=True)  # fmt: skip
            if options.write:
                keep(made, options, count)
    return made


def keep(made: Comparison, options: argparse.Namespace, programs: int) -> None:
    """Write the summary down."""
    summary = {"first": options.first, "programs": programs, "systems": [version(n) for n in made.against],
               **made.summary()}  # fmt: skip
    options.write.write_text(as_text(summary), encoding="utf-8")


def as_text(summary: dict[str, Any]) -> str:
    """The document; a line for each program and system that disagree: how many gradients, and the worst of them."""
    worst: dict[tuple[int, str, str, str], dict[str, Any]] = {}
    for one in summary.pop("disagreements"):
        key = (one["seed"], one["against"], one["verdict"], one["cause"])
        before = worst.get(key, {"gradients": 0, "difference": 0.0})
        larger = one if not one["difference"] <= before["difference"] else before
        worst[key] = {**larger, "gradients": before["gradients"] + one.get("gradients", 1)}
    lines = ",\n  ".join(json.dumps(_rounded(one), ensure_ascii=False) for one in worst.values())
    return f'{json.dumps(summary, indent=1)[:-2]},\n "disagreements": [\n  {lines}\n ]\n}}\n'


def _rounded(one: dict[str, Any]) -> dict[str, Any]:
    return {k: float(f"{v:.2g}") if isinstance(v, float) else v for k, v in one.items() if v not in (None, "")}


def main() -> int:
    """Status 1 where gradcalc is wrong."""
    warnings.filterwarnings("ignore")
    options = arguments()
    if options.edges:
        print(as_markdown())
        return 0
    made = compared(options)
    if options.write:
        keep(made, options, options.programs)
    for system, tally in made.tallies.items():
        print(f"{system}: {tally.agree} of {tally.programs} programs agree; of the others' gradients {tally.verdicts}")
    trust = made.trust
    print(f"exactly: {trust.programs} programs, worst {trust.worst:.2g}, beyond the spread {trust.beyond_spread}")
    return any("gradcalc" in tally.verdicts for tally in made.tallies.values()) or trust.beyond_spread > 0


if __name__ == "__main__":
    sys.exit(main())
