"""Observers that write what happens into files, for machines that watch."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rnntext.errors import InputOutputError, UsageError
from rnntext.files.atomic import append_line, named, output_file, read_bytes
from rnntext.train.observer import Observer, Progress


class JsonLog(Observer):
    """One JSON object per event: start, resume, evaluation, save, promote, reject, note, stop, error, end.

    Args:
        path: lines are added to this file.
        model: the name that goes into every line.
    """

    def __init__(self, path: Path, model: str) -> None:
        self.path, self.model = path, model

    def _write(self, event: str, **values: Any) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        with named(self.path, "--log-json"):
            append_line(self.path, json.dumps({"time": stamp, "event": event, "model": self.model, **values}))

    def start(self, parameters: int, step: int) -> None:
        self._write("resume" if step else "start", parameters=parameters, step=step)

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        self._write("evaluation", **dataclasses.asdict(progress), **metrics, best=best)

    def save(self, step: int) -> None:
        self._write("save", step=step)

    def note(self, message: str) -> None:
        self._write("note", message=message)

    def version(self, name: str, promoted: bool, metrics: Mapping[str, float]) -> None:
        self._write("promote" if promoted else "reject", version=name, **metrics)

    def stop(self, reason: str) -> None:
        self._write("stop", message=reason)

    def error(self, message: str) -> None:
        self._write("error", message=message)

    def end(self, state: str) -> None:
        self._write("end", state=state)


_SUCCESS = "last_success_timestamp_seconds"
_HELP = {
    "running": "Whether a training runs now.",
    "failed": "Whether the last training failed.",
    "step": "Optimizer updates done in the current run.",
    "steps": "Optimizer updates of the whole run, as far as they are planned.",
    "seconds": "Time spent on the run, over all sessions.",
    "rate": "Units (characters, tokens) a second.",
    "loss": "Training loss in nats per unit, smoothed.",
    "score": "Score of the last evaluation on held-out data.",
    "version": "Number of the newest version.",
    "promoted": "Whether the newest version was put into service.",
    "last_save_timestamp_seconds": "When the state of the run was last saved.",
    _SUCCESS: "When a training last ended well, with a new version or with nothing to do.",
}


class MetricsFile(Observer):
    """Gauges in Prometheus's text format, for node_exporter's textfile collector; replaced as a whole, so that half a
    file is never collected.

    Args:
        path: the file; when a training last succeeded is taken over from what was there before.
        model: label of every gauge.
        clock: seconds since 1970.
    """

    def __init__(self, path: Path, model: str, clock: Callable[[], float] = time.time) -> None:
        self.path, self.clock = path, clock
        escaped = model.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        self.label = f'model="{escaped}"'
        self.values: dict[tuple[str, str], float] = {}
        found = re.search(rf"^rnntext_{_SUCCESS}{{.*}} (\S+)$", self._before(), re.MULTILINE)
        if found:
            self.values[_SUCCESS, ""] = float(found[1])

    def _before(self) -> str:
        return read_bytes(self.path).decode("utf-8", "replace") if self.path.is_file() else ""

    def _write(self, **values: float | None) -> None:
        self.values |= {(name, ""): value for name, value in values.items() if value is not None}
        lines = []
        for name, about in _HELP.items():
            members = {extra: value for (known, extra), value in self.values.items() if known == name}
            if members:
                lines += [f"# HELP rnntext_{name} {about}", f"# TYPE rnntext_{name} gauge"]
            lines += [f"rnntext_{name}{{{self.label}{extra}}} {value!r}" for extra, value in members.items()]
        with output_file(self.path, "--metrics-file") as file:
            file.write("".join(line + "\n" for line in lines).encode())

    def start(self, parameters: int, step: int) -> None:
        self._write(running=1, failed=0, step=step)

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        self.values |= {("score", f',metric="{name}"'): value for name, value in metrics.items()}
        self._write(
            step=progress.step, steps=progress.steps, seconds=progress.seconds, rate=progress.rate, loss=progress.loss
        )

    def save(self, step: int) -> None:
        self._write(step=step, last_save_timestamp_seconds=self.clock())

    def version(self, name: str, promoted: bool, metrics: Mapping[str, float]) -> None:
        self._write(version=int(name), promoted=int(promoted))

    def stop(self, reason: str) -> None:
        self._write(running=0)

    def error(self, message: str) -> None:
        self._write(running=0, failed=1)

    def end(self, state: str) -> None:
        if state == "paused":
            self._write(running=0, failed=0)
        else:
            self._write(running=0, failed=0, **{_SUCCESS: self.clock()})


class TensorBoard(Observer):
    """Curves of loss, learning rate, speed and held-out scores for TensorBoard; they are drawn on when a run goes on.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise UsageError("--tensorboard: TensorBoard is not installed: pip install 'rnntext[tensorboard]'")
        self.folder = folder
        self._writer: Any = None

    def start(self, parameters: int, step: int) -> None:
        import tensorflow as tf  # started by now, and quiet

        with _readable(self.folder):
            self._writer = tf.summary.create_file_writer(str(self.folder))

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        import tensorflow as tf

        values = {"loss": progress.loss, "learning_rate": progress.learning_rate, "rate": progress.rate}
        values |= {f"held_out/{name}": value for name, value in metrics.items()}
        with _readable(self.folder), self._writer.as_default(step=progress.step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
            self._writer.flush()


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """TensorFlow's own errors of writing as one of ours."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        raise InputOutputError(f"--tensorboard {folder}: {error.message}") from error
