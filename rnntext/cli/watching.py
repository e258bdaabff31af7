"""What a training tells whoever watches it: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rnntext.cli.console import note, on_terminal
from rnntext.train.observer import Observer, Progress


def clock(seconds: float) -> str:
    """75 -> "1:15", 3700 -> "1:01:40"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class EvaluationLines(Observer):
    """One line per evaluation, for logs."""

    def __init__(self, unit: str, metric: str, label: str, examples: bool = False) -> None:
        self.unit, self.metric, self.label, self.wants_examples = unit, metric, label, examples

    def start(self, parameters: int, step: int) -> None:
        going_on = f", going on at step {step}" if step else ""
        note(f"training {parameters:,} parameters{going_on}")

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        note(
            f"step {progress.step}/{progress.steps or '?'}  epoch {progress.epoch}  {clock(progress.seconds)}  "
            f"loss {progress.loss:.4f}  {progress.rate:,.0f} {self.unit}/s  "
            f"held-out {metrics[self.metric]:.4f} {self.label}{'  *' if best else ''}"
        )

    def note(self, message: str) -> None:
        note(message)

    def examples(self, lines: Sequence[str]) -> None:
        if self.wants_examples:
            for line in lines:
                note(line)


class ProgressBar(EvaluationLines):
    """A bar with the time left, for a terminal; evaluations scroll by above it."""

    def __init__(self, unit: str, metric: str, label: str, examples: bool = False) -> None:
        super().__init__(unit, metric, label, examples)
        self._bar: Any = None
        self._task: Any = None

    def start(self, parameters: int, step: int) -> None:
        super().start(parameters, step)
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[steps]}"),
            BarColumn(bar_width=None),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[numbers]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, completed=step, steps="starting", numbers="")
        self._bar.start()

    def step(self, progress: Progress) -> None:
        self._bar.update(
            self._task,
            total=progress.steps,
            completed=progress.step,
            steps=f"{progress.step}/{progress.steps or '?'}",
            numbers=f"loss {progress.loss:.3f}  {progress.rate:,.0f} {self.unit}/s",
        )

    def close(self) -> None:
        """Takes the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def watching(quiet: bool, unit: str, metric: str, label: str, examples: bool = False) -> Iterator[Observer]:
    """The observer that fits: a bar on a terminal, lines elsewhere, nothing if quiet."""
    if quiet:
        yield Observer()
        return
    if not on_terminal():
        yield EvaluationLines(unit, metric, label, examples)
        return
    bar = ProgressBar(unit, metric, label, examples)
    try:
        yield bar
    finally:
        bar.close()
