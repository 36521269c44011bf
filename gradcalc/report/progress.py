"""A bar that shows how far a batch is."""

from __future__ import annotations

from typing import IO, Any

from gradcalc.report.tables import console


class Bar:
    """Inputs done, inputs a second, time left, redrawn in place on a terminal."""

    def __init__(self, stream: IO[str]):
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[inputs]:,} inputs"), TextColumn("{task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(), console=console(stream), transient=True, expand=True,
        )  # fmt: skip
        self.task = self.progress.add_task("", total=1.0, inputs=0, rate=0.0)

    def __enter__(self) -> None:
        self.progress.start()

    def __exit__(self, *error: Any) -> None:
        self.progress.stop()

    def told(self, inputs: int, share: float) -> None:
        """Show how many inputs are done, and the share of all that they are."""
        elapsed = self.progress.tasks[0].elapsed or 0.0
        rate = inputs / elapsed if elapsed else 0.0
        self.progress.update(self.task, completed=min(share, 1.0), inputs=inputs, rate=rate)

    def stopping(self) -> None:
        """Say that what is in flight is finished."""
        self.progress.update(self.task, description="finishing; Ctrl-C again ends at once")
