"""The mode that compares: options in, table and JSON out."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from benchmarks import compare as running
from benchmarks import machine, results
from benchmarks.measure import Timing
from benchmarks.peers import LIBRARIES, assemble
from benchmarks.sizes import FULL, QUICK
from benchmarks.work import all_rows


def compare(options: argparse.Namespace) -> int:
    """Run rows, print the table, write the JSON; 1 if numbers differ or somebody failed, else 0.

    Raises ValueError for a row or a peer that does not exist.
    """
    rows = running.chosen(all_rows(QUICK if options.quick else FULL), options.rows)
    unknown = set(options.peer or ()) - set(LIBRARIES.values())
    if unknown:
        raise ValueError(f"no peer is called {', '.join(sorted(unknown))}")
    if options.list:
        print("\n".join(f"{row.name:20} {row.work}" for row in rows))
        return 0
    if options.quick:
        timing = Timing(options.repeat or 3, options.seconds or 0.1, fewest=1, long=0.1)
    else:
        timing = Timing(options.repeat or 100, options.seconds or 30.0)
    peers = assemble(options.peer, options.threads)
    described = machine.described(options.threads)
    outcomes = running.run(rows, peers, timing)
    settings = {"quick": options.quick, "rounds": timing.rounds, "seconds": timing.seconds}
    found = results.document(outcomes, peers, described, settings)
    options.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console = Console()
    results.show(outcomes, peers, described, console)
    print(f"written: {options.output}", file=sys.stderr)
    return 0 if found["agrees"] else 1
