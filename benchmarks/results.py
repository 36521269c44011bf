"""Outcomes as a table for people and as JSON for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.compare import Outcome
from benchmarks.measure import TOLERANCE, Samples
from benchmarks.peers import Peers
from benchmarks.row import SUBJECT

# With less of the time than this the work has had to wait for others.
SHARED = 0.9


def document(
    outcomes: Sequence[Outcome], peers: Peers, machine: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    """Everything as data; a ratio is gradcalc's time over the peer's."""
    return {
        "schema": "gradcalc.benchmarks/1",
        "machine": machine,
        "versions": peers.versions,
        "missing": peers.missing,
        "settings": settings,
        "tolerance": TOLERANCE,
        "agrees": all(outcome.agrees for outcome in outcomes),
        "rows": [_row(outcome) for outcome in outcomes],
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    entries = {name: _entry(outcome, name) for name in outcome.samples}
    return {
        "name": outcome.row.name,
        "work": outcome.row.work,
        "gradcalc": entries.pop(SUBJECT, None),
        "peers": entries,
        "agrees": outcome.agrees,
        "faults": outcome.faults,
        "processor_share": round(outcome.processor_share, 3),
    }


def _entry(outcome: Outcome, name: str) -> dict[str, Any]:
    """Times, how far the numbers are from the reference (null: none to compare), and for a peer ratio and goal."""
    apart = outcome.differences.get(name)
    entry = {**_times(outcome.samples[name]), "difference": None if apart is None else _finite(apart)}
    if name == SUBJECT:
        return entry
    goal = outcome.row.goals.get(name)
    said = None if goal is None else {"at_most": goal.at_most, "strict": goal.strict}
    return {**entry, "ratio": outcome.ratio(name), "goal": said, "met": outcome.met(name)}


def _times(samples: Samples) -> dict[str, Any]:
    return {
        "seconds": samples.median,
        "least": min(samples.seconds),
        "most": max(samples.seconds),
        "rounds": len(samples.seconds),
        "calls": samples.calls,
    }


def _finite(apart: float) -> float | str:
    return apart if apart < float("inf") else "Infinity"


def seconds(value: float) -> str:
    """A time in the unit that leaves one to three digits before the point."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def ratio(value: float) -> str:
    """How many times as long gradcalc takes; far below one as a fraction, which reads as how many times faster."""
    if value < 0.5:
        return f"1/{1 / value:.3g}"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def show(outcomes: Sequence[Outcome], peers: Peers, machine: dict[str, Any], console: Console) -> None:
    """Print the table, then what a reader must know to read it."""
    title = "gradcalc's time over the time of each peer"
    table = Table(
        title=title, title_justify="left", box=HORIZONTALS, pad_edge=False, padding=(0, 1, 0, 0), show_lines=True
    )
    table.add_column("work", min_width=16)
    for column in ("gradcalc", "beside", "its time", "ratio", "goal", ""):
        justify: Any = "right" if column in ("gradcalc", "its time", "ratio") else "left"
        table.add_column(column, no_wrap=True, justify=justify)
    for outcome in outcomes:
        table.add_row(*_cells(outcome))
    console.print(table)
    for line in remarks(outcomes, peers, machine):
        console.print(Text(line))


def _cells(outcome: Outcome) -> list[Text]:
    """One line of the table, with a line for each peer in its cells."""
    if not outcome.samples:
        return [Text(outcome.row.work), Text("failed", "red")]
    names = [name for name in outcome.samples if name != SUBJECT]
    goals = [outcome.row.goals.get(name) for name in names]
    verdicts = {None: Text(""), True: Text("met", "green"), False: Text("missed", "red")}
    lines = Text("\n")
    return [
        Text(outcome.row.work),
        Text(seconds(outcome.samples[SUBJECT].median)),
        lines.join(Text(name) for name in names),
        lines.join(Text(seconds(outcome.samples[name].median)) for name in names),
        lines.join(Text(ratio(outcome.ratio(name))) for name in names),
        lines.join(Text("" if goal is None else goal.words) for goal in goals),
        lines.join(verdicts[outcome.met(name)] for name in names),
    ]


def remarks(outcomes: Sequence[Outcome], peers: Peers, machine: dict[str, Any]) -> list[str]:
    """The machine, the threads, who is missing, whether the numbers agree, and whether the machine was busy."""
    threads, python = machine["threads"], machine["python"]
    versions = ", ".join(f"{name} {version}" for name, version in peers.versions.items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['platform']}",
        f"{python}, gradcalc {machine['gradcalc']}, {versions}; {machine['blas']}",
        f"float64, {threads} thread{'s' if threads > 1 else ''} for everyone"
        " (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS, MKL_NUM_THREADS, NPROC, torch.set_num_threads)",
    ]
    lines += [f"{library}: {reason}" for library, reason in peers.missing.items()]
    for outcome in outcomes:
        lines += [f"{outcome.row.name}: {name} failed: {fault}" for name, fault in outcome.faults.items()]
        lines += [
            f"{outcome.row.name}: the numbers of {name} differ by {apart:.2g} of the largest entry"
            for name, apart in outcome.differences.items()
            if not apart <= TOLERANCE
        ]
    if all(outcome.agrees for outcome in outcomes):
        lines.append(f"All numbers agree to {TOLERANCE:g} of the largest entry.")
    shares = [outcome.processor_share for outcome in outcomes if outcome.samples]
    if shares and min(shares) < SHARED:
        lines.append(
            f"The machine was busy: in the worst row the work had a processor for {min(shares):.0%} of the time."
        )
    return lines
