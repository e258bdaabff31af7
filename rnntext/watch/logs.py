"""Observers that write the events of a training into files, for other programs to read."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rnntext.errors import UsageError
from rnntext.files.atomic import append_bytes, append_line, named, output_file, read_bytes
from rnntext.watch.observer import Observer, Progress


class JsonLog(Observer):
    """Writes one JSON object per event: start, resume, evaluation, save, promote, reject, note, stop, error, end.

    Args:
        path: the file that lines are added to.
        model: its name, which is in every line.
    """

    def __init__(self, path: Path, model: str) -> None:
        self.path = path
        self.model = model

    def _write(self, event: str, **values: Any) -> None:
        now = time.time()
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        milliseconds = int(now % 1 * 1000)
        entry = {
            "time": f"{second}.{milliseconds:03d}Z",
            "event": event,
            "model": self.model,
            **values,
        }
        with named(self.path, "--log-json"):
            append_line(self.path, json.dumps(entry))

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
_LASTING = ("score", "version", "promoted", "last_save_timestamp_seconds", _SUCCESS)  # true until something newer is
_SAMPLE = re.compile(r'^rnntext_(\w+)\{(model="(?:[^"\\]|\\.)*")([^}]*)\} (\S+)$', re.MULTILINE)
Samples = dict[tuple[str, str, str], str]  # by gauge, label of the model, and further labels


class MetricsFile(Observer):
    """Writes gauges in Prometheus's text format, for the textfile collector of node_exporter.

    The file is replaced as a whole, so that a part of it is never collected. Several models may share it: each changes
    the samples with its own label only.

    Args:
        path: the file. What lasts beyond a training is taken over from it.
        model: label of every gauge.
        clock: returns the seconds since 1970.
    """

    def __init__(self, path: Path, model: str, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.clock = clock
        utf_8 = model.encode("utf-8", "backslashreplace").decode()  # A name may have bytes that are no text.
        escaped = utf_8.replace("\\", "\\\\")
        escaped = escaped.replace('"', '\\"')
        escaped = escaped.replace("\n", "\\n")
        self.label = f'model="{escaped}"'
        self.values: dict[tuple[str, str], str] = {}  # by gauge and further labels
        for (gauge, label, others), value in self._present().items():
            if label == self.label and gauge in _LASTING:
                self.values[gauge, others] = value

    def _present(self) -> Samples:
        """The samples in the file as it is now."""
        if not self.path.is_file():
            return {}
        text = read_bytes(self.path).decode("utf-8", "replace")
        return {(gauge, label, others): value for gauge, label, others, value in _SAMPLE.findall(text)}

    def _write(self, **values: float | None) -> None:
        """Sets the gauges whose value is not None, and writes all of them."""
        for gauge, value in values.items():
            if value is not None:
                self.values[gauge, ""] = repr(value)
        samples = {key: value for key, value in self._present().items() if key[1] != self.label}
        samples |= {(gauge, self.label, others): value for (gauge, others), value in self.values.items()}
        lines: list[str] = []
        for gauge, about in _HELP.items():
            members = {(label, others): value for (name, label, others), value in samples.items() if name == gauge}
            if members:
                lines.append(f"# HELP rnntext_{gauge} {about}")
                lines.append(f"# TYPE rnntext_{gauge} gauge")
            for (label, others), sample in members.items():
                lines.append(f"rnntext_{gauge}{{{label}{others}}} {sample}")
        text = "".join(line + "\n" for line in lines)
        with output_file(self.path, "--metrics-file") as file:
            file.write(text.encode())

    def start(self, parameters: int, step: int) -> None:
        self._write(running=1, failed=0, step=step)

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        for name, value in metrics.items():
            self.values["score", f',metric="{name}"'] = repr(value)
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
        if state != "paused":
            self.values[_SUCCESS, ""] = repr(self.clock())
        self._write(running=0, failed=0)


class TensorBoard(Observer):
    """Writes loss, learning rate, speed and held-out scores as curves for TensorBoard; a resumed run continues them.

    Args:
        folder: for TensorBoard's `--logdir`; it need not exist.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise UsageError("--tensorboard: TensorBoard is not installed: pip install 'rnntext[tensorboard]'")
        self.folder = folder
        # TensorBoard finds files of events by this form of their names, and joins the curves of several files.
        now = time.time()
        host = platform.node()
        process = os.getpid()
        self.file = folder / f"events.out.tfevents.{now:.0f}.{host}.{process}"

    def start(self, parameters: int, step: int) -> None:
        self._append({"file_version": "brain.Event:2"})

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        values = {
            "loss": progress.loss,
            "learning_rate": progress.learning_rate,
            "rate": progress.rate,
        }
        for name, value in metrics.items():
            values[f"held_out/{name}"] = value
        events: list[dict[str, Any]] = []
        for name, value in values.items():
            summary = scalar_pb(name, value)
            events.append({"step": progress.step, "summary": summary})
        self._append(*events)

    def _append(self, *events: Mapping[str, Any]) -> None:
        """Adds events to the file as TFRecords."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        records = io.BytesIO()
        writer = RecordWriter(records)
        for fields in events:
            event = Event(wall_time=time.time(), **fields)
            writer.write(event.SerializeToString())
        with named(self.folder, "--tensorboard", "folder"):
            append_bytes(self.file, records.getvalue())
