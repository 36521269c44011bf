"""`python -m benchmarks`: the package says what it does.

The number of threads is set before anything is imported that reads it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for, and give the exit status."""
    if arguments[:1] == ["growth"]:
        return _growth(arguments[1:])
    if arguments[:1] == ["plot"]:
        return _plot(arguments[1:])
    return _compare(arguments)


def pin(threads: int) -> None:
    """Give every library so many threads; what is loaded later reads this."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
        os.environ[name] = str(threads)
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'false' if threads == 1 else 'true'}"
    os.environ["JAX_PLATFORMS"] = "cpu"


def _parser(name: str, description: str, results: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    parser.add_argument("--quick", action="store_true", help="tiny sizes and few rounds")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="for every library (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, default=HERE / results, metavar="FILE", help="where the JSON goes")
    return parser


def _options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for, with the threads set; a place where nothing can be written is refused before the work."""
    options = parser.parse_args(arguments)
    if not options.output.parent.is_dir():
        parser.error(f"there is no folder {options.output.parent}")
    if options.threads < 1:
        parser.error("there is one thread at least")
    pin(options.threads)
    return options


def _compare(arguments: Sequence[str]) -> int:
    parser = _parser("benchmarks", "gradcalc beside its peers; growth and plot are modes of their own", "results.json")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows whose names begin so (default: all)")
    parser.add_argument("--repeat", type=int, metavar="N", help="rounds at most (default: 100, with --quick 3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="for a row, after three rounds (default: 30)")
    parser.add_argument("--peer", action="append", metavar="LIBRARY", help="peers that take part (default: all)")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    options = _options(parser, arguments)
    from benchmarks import comparison

    try:
        return comparison.compare(options)
    except ValueError as error:
        parser.error(str(error))


def _growth(arguments: Sequence[str]) -> int:
    parser = _parser("benchmarks growth", "time and peak memory against the size of the input", "growth.json")
    parser.add_argument("axes", nargs="*", metavar="AXIS", help="statements, width, rows, files (default: all)")
    options = _options(parser, arguments)
    from benchmarks import growth

    try:
        return growth.grow(options)
    except ValueError as error:
        parser.error(str(error))


def _plot(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks plot", description="curves of growth as SVG files")
    parser.add_argument("growth", nargs="?", type=Path, default=HERE / "growth.json", help="JSON of growth")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "docs", help="where the files go (default: docs)")
    options = parser.parse_args(arguments)
    from benchmarks import plot

    return plot.draw(options.growth, options.folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
