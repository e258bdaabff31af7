"""What every training job does around the loop: one writer at a time, an unfinished run goes on, a new version goes
into service only if it deserves it. What differs from one kind of model to another is in a Recipe."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from rnntext.config import PROMOTIONS, TrainingConfig, check_choice
from rnntext.errors import CheckpointError, DivergedError, NewerCheckpointError, StoppedError, UsageError
from rnntext.files.atomic import append_line, remove_folder, remove_leftovers
from rnntext.files.lock import locked
from rnntext.jobs import unfinished
from rnntext.jobs.signals import stop_on_signal
from rnntext.jobs.unfinished import STATE, Options, Snapshot
from rnntext.storage import checkpoint
from rnntext.storage.checkpoint import Checkpoint, to_json
from rnntext.train import tensorflow
from rnntext.train.observer import Observer, Observers, Progress

if TYPE_CHECKING:
    from rnntext.train.loop import Task


Training = TypeVar("Training", bound=TrainingConfig)


class IncomparableError(Exception):
    """Champion and challenger cannot be measured on the same text; says why."""


class Recipe(Protocol):
    """What is special about training one kind of model.

    Attributes:
        kind: as in a manifest.
        metric: the name of the score among the metrics of an evaluation.
        label: what the score is called.
        higher: whether a higher score is better.
        options: all options of the command, as a Snapshot stores them.
    """

    kind: str
    metric: str
    label: str
    higher: bool
    options: Options

    @property
    def training(self) -> TrainingConfig:
        """The budget."""
        ...

    def begin(self) -> Snapshot:
        """Reads and checks the data; starts TensorFlow only when nothing is wrong with them."""
        ...

    def task(self, snapshot: Snapshot) -> Task:
        """Model and data for the loop."""
        ...

    def files(self, snapshot: Snapshot) -> dict[str, bytes]:
        """Vocabulary files of a version."""
        ...

    def about(self, snapshot: Snapshot) -> dict[str, Any]:
        """What the manifest says about the data."""
        ...

    def score(self, champion: Checkpoint, snapshot: Snapshot) -> float:
        """The score of the version in service on the snapshot's held-out text.

        Raises:
            IncomparableError: it reads another text.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a training ended. `champion` is the score of the version that was in service before, on the same held-out
    text, or None; `reason` says why the new version was not put into service."""

    version: str
    promoted: bool
    score: float
    champion: float | None
    steps: int
    seconds: float
    parameters: int
    label: str = "bits/char"
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything, for --json."""
        return dataclasses.asdict(self)

    def sentence(self, path: str) -> str:
        """What a person wants to know."""
        score = f"version {self.version}: {self.score:.4f} held-out {self.label} after {self.steps} steps"
        if self.promoted:
            return f"{path}: {score}; now in service"
        if self.reason is None:
            return f"{path}: {score}; not put into service"
        return f"{path}: {score}; not put into service: {self.reason}; --promote always would"


def train(
    recipe: Recipe, path: Path, promote: str = "better", fresh: bool = False, observer: Observer | None = None
) -> Outcome:
    """Trains a model, or goes on with its unfinished training, and puts it into service.

    Args:
        path: the model's folder.
        promote: when the new version goes into service: "better" (not worse than the one there), "always", "never".
        fresh: drops an unfinished training.
        observer: is told what happens.

    Raises:
        DataError: nothing can be learnt from the data.
        StoppedError: a signal came; the state is saved, and the same call goes on.
        DivergedError: the loss is not finite or grows; the version in service stays.
        BusyError: another process trains this model.
        UsageError: TensorFlow is missing, or an unfinished training began with other options.
    """
    began = time.monotonic()
    check_choice("promote", promote, PROMOTIONS)
    with locked(path / "lock"):
        _clean(path)
        _champion(path, recipe.kind)  # what cannot be compared with is noticed before the training, not after it
        snapshot = None if fresh else unfinished.read(path / "run")
        if snapshot and snapshot.options != recipe.options and not (path / "run" / STATE).exists():
            snapshot = None  # nothing was learnt yet that could be lost
        if snapshot is None:
            snapshot = recipe.begin()
            remove_folder(path / "run")  # only now: a mistake in the command must not cost an unfinished training
            unfinished.write(path / "run", snapshot)
        else:
            unfinished.check_same(snapshot, recipe.kind, recipe.options)
            tensorflow.start(recipe.training.seed)
        try:
            trained = _train(recipe, snapshot, path, observer or Observer(), began)
        except DivergedError:
            remove_folder(path / "run")  # going on would only diverge again
            raise
        return _finish(recipe, snapshot, path, promote, trained)


def with_budget(training: Training) -> Training:
    """Without any budget, ten minutes."""
    if (training.epochs, training.steps, training.time_limit) == (None, None, None):
        return dataclasses.replace(training, time_limit=600.0)
    return training


def fraction(validation: str) -> float | None:
    """The fraction that `--validation` gives, or None if it is a file.

    Raises:
        UsageError: a number that is no fraction.
    """
    try:
        share = float(validation)
    except ValueError:
        return None
    if not 0.0 < share < 1.0:
        raise UsageError(f"--validation {validation}: must be a fraction between 0 and 1, or a file")
    return share


def _clean(path: Path) -> None:
    """Removes what killed jobs left behind; the caller holds the lock."""
    for folder in (path, path / "versions", path / "run"):
        remove_leftovers(folder)


# Training -------------------------------------------------------------------------------------------------------------


class _History(Observer):
    """Writes every evaluation to history.jsonl."""

    def __init__(self, path: Path, corpus: str) -> None:
        self.path, self.corpus = path, corpus

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        entry = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "corpus": self.corpus,
            **dataclasses.asdict(progress),
            **metrics,
            "best": best,
        }
        append_line(self.path, json.dumps(entry))


@dataclasses.dataclass(frozen=True)
class _Trained:
    """The best weights of a run, and how it came to them."""

    arrays: dict[str, np.ndarray]
    metrics: dict[str, float]
    step: int
    steps: int
    seconds: float
    parameters: int


def _train(recipe: Recipe, snapshot: Snapshot, path: Path, observer: Observer, began: float) -> _Trained:
    from rnntext.train.loop import Loop

    task = recipe.task(snapshot)
    watchers = Observers([_History(path / "history.jsonl", snapshot.corpus), observer])
    loop = Loop(task, recipe.training, path / "run" / STATE, watchers, began)
    with stop_on_signal() as request:
        finished = loop.run(request)
    position = loop.position
    if not finished:
        raise StoppedError(
            f"stopped and saved at step {position.step}; the same command goes on from there", request.number or 0
        )
    arrays = task.model.arrays(loop.best)
    parameters = sum(array.size for array in arrays.values())
    return _Trained(arrays, position.best or {}, position.best_step, position.step, loop.seconds(), parameters)


# Putting into service -------------------------------------------------------------------------------------------------


def _finish(recipe: Recipe, snapshot: Snapshot, path: Path, promote: str, trained: _Trained) -> Outcome:
    score = trained.metrics[recipe.metric]
    champion, reason = _compare(recipe, snapshot, path, score) if promote == "better" else (None, None)
    metrics = {**trained.metrics, "step": trained.step, "steps": trained.steps, "seconds": trained.seconds}
    files = {
        "config.json": to_json({k: v for k, v in snapshot.options.items() if k != "data"}),
        "metrics.json": to_json(metrics),
        **recipe.files(snapshot),
    }
    about = {"run": snapshot.run, "corpus": snapshot.corpus, **recipe.about(snapshot)}
    version = _written(path, snapshot.run) or checkpoint.write_version(path, recipe.kind, files, trained.arrays, about)
    promoted = promote == "always" or (promote == "better" and reason is None)
    if promoted:
        checkpoint.promote(path, version)
    remove_folder(path / "run")
    numbers = (score, champion, trained.steps, trained.seconds, trained.parameters)
    return Outcome(version, promoted, *numbers, recipe.label, reason)


def _compare(recipe: Recipe, snapshot: Snapshot, path: Path, score: float) -> tuple[float | None, str | None]:
    """The score of the version in service, if there is a usable one, and why it must stay, or None."""
    found = _champion(path, recipe.kind)
    if found is None:
        return None, None
    try:
        champion = recipe.score(found, snapshot)
    except IncomparableError as error:
        return None, str(error)
    except CheckpointError:  # damaged in a way that only shows in use
        return None, None
    better = champion > score if recipe.higher else champion < score
    return champion, f"the version in service is better ({champion:.4f})" if better else None


def _written(path: Path, run: str) -> str | None:
    """The newest version, if this very run wrote it and was killed before it could say so."""
    for newest in checkpoint.versions(path)[-1:]:
        try:
            found = checkpoint.load_version(path / "versions" / newest)
        except CheckpointError:
            return None
        return newest if found.manifest.get("run") == run else None
    return None


def _champion(path: Path, kind: str) -> Checkpoint | None:
    """The version in service; None if there is none, or a damaged one: anything that works is better.

    Raises:
        NewerCheckpointError, UsageError: a newer rnntext wrote it, or it is another kind of model.
    """
    if not checkpoint.in_service(path):
        return None
    try:
        found = checkpoint.load(path)
    except NewerCheckpointError:
        raise
    except CheckpointError:
        return None
    if found.kind != kind:
        raise UsageError(f"{path}: this is a {found.kind} model; train a {kind} under another name")
    return found
