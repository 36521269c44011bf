"""`gradcalc batch`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradcalc.cli.inputs import collect_data, files_of, limits_of, names_of, usage
from gradcalc.cli.options import (
    DataOption,
    DebugOption,
    LayoutName,
    LayoutOption,
    LimitOption,
    LocalOption,
    OfOption,
    SetOption,
    WrtOption,
)
from gradcalc.cli.output import abandon_stdout
from gradcalc.cli.streams import complain, tell
from gradcalc.errors import Diagnostic, Exit, GradcalcError
from gradcalc.files import open_file

if TYPE_CHECKING:
    from gradcalc.batch.batch import Batch
    from gradcalc.batch.options import Options
    from gradcalc.batch.output import Output

PathsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH...", help="Equation files, folders, patterns; - reads a list.", show_default=False),
]
InputsOption = Annotated[
    str | None,
    typer.Option(
        "--inputs", "-i", metavar="ROWS", help="Rows of inputs: .csv, .jsonl, .npz, .parquet, .arrow; - reads them.",
        show_default=False,
    ),
]  # fmt: skip
OutOption = Annotated[
    str | None, typer.Option("--output", "-o", metavar="OUT.jsonl", help="Write the records there.", show_default=False)
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, max=1024, metavar="N", help="Worker processes. [default: the cores]",
                 show_default=False),
]  # fmt: skip
ResumeOption = Annotated[bool, typer.Option("--resume", help="Keep the records of OUT.jsonl that still hold.")]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="Work on a Dask cluster: tcp://HOST:PORT.", show_default=False),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", min=0.001, metavar="S", help="Seconds for one input.", show_default=False),
]
LEAST_MEMORY = 160
"""MiB in which a worker starts, NumPy with it, and has room for small inputs."""
MemoryOption = Annotated[
    int | None,
    typer.Option("--memory", min=LEAST_MEMORY, metavar="MiB", help="MiB of memory for one worker.", show_default=False),
]
FailFastOption = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first input that fails.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="FIELD,...", help="Keep these fields of the results alone: value, gradients, ...",
                 show_default=False),
]  # fmt: skip


def batch_command(
    paths: PathsArgument = None,
    inputs: InputsOption = None,
    output: OutOption = None,
    jobs: JobsOption = None,
    resume: ResumeOption = False,
    scheduler: SchedulerOption = None,
    timeout: TimeoutOption = None,
    memory: MemoryOption = None,
    fail_fast: FailFastOption = False,
    only: OnlyOption = None,
    of: OfOption = None,
    wrt: WrtOption = None,
    layout: LayoutOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    local_values: LocalOption = False,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Run many equation files, or one over many rows of inputs: one line of JSON for each, in their order.

    An input that fails costs its own record only. The exit status is 1 if there is one.

    Example: gradcalc batch model.eq --inputs rows.csv --only value,gradients -o records.jsonl
    """
    from gradcalc.batch import names
    from gradcalc.batch.batch import Batch, Rows
    from gradcalc.batch.output import Output
    from gradcalc.batch.pace import wanted_for
    from gradcalc.batch.worker import refuse_memory

    if resume and open_file(output) is not None:
        raise usage("usage", "--resume needs a file of records", "say which with -o OUT.jsonl")
    if timeout is not None and not isfinite(timeout):
        raise usage("usage", f"--timeout {timeout} is no number of seconds", "leave it out for as long as it takes")
    options = _options(of, wrt, layout, set_, data, local_values, limit, only)
    refuse_memory(memory)
    if inputs == "-":
        if "-" in (paths or ()):
            raise usage("usage", "standard input has either the rows or the list of files", "write one to a file")
        inputs = "/dev/stdin"
    files, limits = _files(paths), options.limited()
    rows = None if inputs is None else Rows.of(inputs, files, limits)
    given = [*options.settings, *options.data]
    for warning in names.check(files, given, inputs, None if rows is None else rows.first, limits):
        complain(warning, "warning")
    made = Batch(files, options, rows, fail_fast, wanted_for(timeout))
    runner = _runner(options.text(), scheduler, jobs, timeout, memory)
    read = [*files, *([inputs] if inputs else []), *files_of(set_, data)]
    target = Output(output, resume, read)
    try:
        with _progress(made):
            made.run(runner, target)
    except BrokenPipeError:  # before Typer makes a failure of it
        abandon_stdout()
        raise typer.Exit(Exit.DONE) from None
    except GradcalcError:
        if made.counts:
            _summarise(made, target)
        raise
    _summarise(made, target)
    if made.interrupted:
        raise typer.Exit(Exit(128 + made.interrupted))
    raise typer.Exit(Exit.FAILED if made.failed else Exit.DONE)


def _files(paths: list[str] | None) -> list[str]:
    from gradcalc.batch.inputs import paths as found

    if not paths:
        raise usage("no-input", "there is nothing to run", "give equation files or folders, or - for a list of them")
    files = list(found(paths, sys.stdin))
    if not files and "-" not in paths:
        raise usage("no-input", f"there is no equation file in {', '.join(paths)}", "their names end in .eq")
    for path in paths:
        if os.path.isdir(path) and next(found([path], sys.stdin), None) is None:
            complain(Diagnostic("no-input", f"there is no equation file in {path}", help="their names end in .eq"),
                     "warning")  # fmt: skip
    return files


def _options(
    of: str | None,
    wrt: str | None,
    layout: LayoutName | None,
    set_: list[str] | None,
    data: list[str] | None,
    local_values: bool,
    limit: list[str] | None,
    only: list[str] | None,
) -> Options:
    from dataclasses import asdict

    from gradcalc.batch.options import Options, plain
    from gradcalc.data import Datum, datum
    from gradcalc.symbols import normalise

    limits = limits_of(limit)

    def read(given: Mapping[str, Any]) -> dict[str, Any]:
        return plain({normalise(name): v if isinstance(v, Datum) else datum(name, v) for name, v in given.items()})

    wanted = names_of(wrt)
    return Options(
        of=of and normalise(of), wrt=None if wanted is None else [normalise(n) for n in wanted],
        layout=layout and layout.value, local_values=local_values, only=_fields(only), limits=asdict(limits),
        data=read(collect_data(None, data, limits)), settings=read(collect_data(set_, None, limits)),
    )  # fmt: skip


def _fields(only: list[str] | None) -> list[str] | None:
    """The fields of --only, in one order."""
    if only is None:
        return None
    from gradcalc.report.document import OPTIONAL

    found = sorted({name.strip() for text in only for name in text.split(",") if name.strip()})
    for name in found:
        if name not in OPTIONAL:
            raise usage("unknown-option-value", f"`--only {name}` is no field of a result",
                        f"choose from {', '.join(OPTIONAL)}")  # fmt: skip
    if not found:
        raise usage("unknown-option-value", "`--only` names no field", f"choose from {', '.join(OPTIONAL)}")
    return found


def _runner(options: str, scheduler: str | None, jobs: int | None, timeout: float | None, memory: int | None) -> Any:
    if scheduler is not None:
        if jobs is not None:
            raise usage("usage", "--jobs and --scheduler do not go together",
                        "a cluster has the workers that it has")  # fmt: skip
        from gradcalc.batch.cluster import Cluster

        return Cluster(scheduler, options, timeout, memory, _say)
    from gradcalc.batch.pool import Pool
    from gradcalc.cores import allowed_cores

    return Pool(options, jobs or allowed_cores(), timeout, memory)


def _say(words: str) -> None:
    """Tell a person at a terminal what is waited for."""
    if sys.stderr.isatty():
        tell(words)


def _progress(made: Batch) -> Any:
    """A bar on a terminal's standard error, nothing elsewhere."""
    from contextlib import nullcontext

    if not sys.stderr.isatty():
        return nullcontext()
    from gradcalc.report.progress import Bar

    bar = Bar(sys.stderr)
    made.told, made.stopping = bar.told, bar.stopping
    return bar


def _summarise(made: Batch, target: Output) -> None:
    """How many inputs came to what, on standard error."""
    from gradcalc.report.batch import summary

    stopped = "stopped at the first that failed" if made.fail_fast and made.failed else ""
    end = "interrupted" if made.interrupted else stopped
    tell(summary(made.counts, made.kept, f"{end}; --resume goes on" if end and target.path is not None else end))


COMMANDS = {"batch": batch_command}
