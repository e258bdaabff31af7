"""The progress of a training on stderr: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, cast

from rnntext.cli.console import LastingStderr, note, on_terminal
from rnntext.watch.observer import Observer, Progress

BRAILLE = "\u280b"  # the usual spinner consists of such characters
PREPARING_SECONDS = 2.0  # after which a user at a terminal is told what goes on before the first step


def clock(seconds: float) -> str:
    """A time as minutes and seconds, or with hours: 75 is "1:15", 3700 is "1:01:40"."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _shows(character: str) -> bool:
    """Whether the encoding of stderr has a character."""
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def bar_console() -> Any:
    """Standard error, for a bar of rich. The cursor stays visible: a process that is stopped or killed could not show
    it again."""
    from rich.console import Console

    class VisibleCursor(Console):
        def show_cursor(self, show: bool = True) -> bool:
            return super().show_cursor(True)

    return VisibleCursor(file=cast(IO[str], LastingStderr()))


class Notes(Observer):
    """Prints what the user should know."""

    def note(self, message: str) -> None:
        note(message)


class EvaluationLines(Notes):
    """Prints one line for each evaluation.

    Args:
        unit: what a training counts, in the plural (see Family).
        metric: the name of the score among the metrics.
        label: the name of the score in the line.
        examples: whether to print examples, too.
    """

    def __init__(self, unit: str, metric: str, label: str, examples: bool = False) -> None:
        self.unit = unit
        self.metric = metric
        self.label = label
        self.prints_examples = examples

    @property
    def wants_examples(self) -> bool:
        return self.prints_examples

    def start(self, parameters: int, step: int) -> None:
        resumed = f", going on at step {step}" if step else ""
        note(f"training {parameters:,} parameters{resumed}")

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        place = f"step {progress.step}/{progress.steps or '?'}  epoch {progress.epoch}  {clock(progress.seconds)}"
        training = f"loss {progress.loss:.4f}  {progress.rate:,.0f} {self.unit}/s"
        error = f" (MAE {metrics['mae']:.4g})" if "mae" in metrics else ""
        score = f"held-out {metrics[self.metric]:.4f} {self.label}{error}"
        mark = "  *" if best else ""
        note(f"{place}  {training}  {score}{mark}")

    def stopping(self) -> None:
        note("stopping after this step; another signal stops at once, without saving")

    def examples(self, lines: Sequence[str]) -> None:
        for line in lines:
            note(line)


class ProgressBar(EvaluationLines):
    """Shows a bar with the remaining time on a terminal; the lines of evaluations appear above it.

    If nothing has begun after PREPARING_SECONDS, a line says so.
    """

    def __init__(self, unit: str, metric: str, label: str, examples: bool = False) -> None:
        super().__init__(unit, metric, label, examples)
        self._bar: Any = None
        self._task: Any = None
        self._preparing = threading.Timer(PREPARING_SECONDS, note, ["preparing: reads the data, starts TensorFlow"])
        self._preparing.daemon = True
        self._preparing.start()

    def start(self, parameters: int, step: int) -> None:
        self._preparing.cancel()
        super().start(parameters, step)
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._bar = Progress(
            SpinnerColumn("dots" if _shows(BRAILLE) else "line"),
            TextColumn("{task.fields[steps]}"),
            BarColumn(bar_width=None),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[numbers]}"),
            console=bar_console(),
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

    def stopping(self) -> None:
        self.close()  # The process may end at once.
        super().stopping()

    def close(self) -> None:
        """Removes the bar from the screen."""
        self._preparing.cancel()
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def watching(quiet: bool, unit: str, metric: str, label: str, examples: bool = False) -> Iterator[Observer]:
    """The observer for stderr: a bar on a terminal, lines elsewhere, nothing if quiet.

    Args:
        quiet: print nothing.
        unit, metric, label, examples: see EvaluationLines.
    """
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
