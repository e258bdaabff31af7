"""What every training job does around the loop: one writer at a time, an unfinished run goes on, a finished one is
followed by a new one when something has changed. What differs from one kind of model to another is in a Recipe."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rnntext.config import JobConfig, TrainingConfig
from rnntext.errors import (
    BusyError,
    CheckpointError,
    DivergedError,
    InputOutputError,
    RnntextError,
    StoppedError,
    UsageError,
)
from rnntext.files.atomic import append_line, remove_folder, remove_leftovers
from rnntext.files.lock import locked
from rnntext.jobs import promotion, unfinished
from rnntext.jobs.promotion import Outcome, Trained
from rnntext.jobs.recipe import Data, IncomparableError, Recipe
from rnntext.jobs.signals import StopRequest, stop_on_signal
from rnntext.jobs.unfinished import STATE, Options, Snapshot
from rnntext.storage import service
from rnntext.storage.checkpoint import WEIGHTS, Checkpoint, in_service
from rnntext.text import overlap
from rnntext.train import tensorflow, warm
from rnntext.train.observer import Observer, Observers, Progress

if TYPE_CHECKING:
    from rnntext.train.loop import Loop, Task

MARGIN = 2**20  # bytes of small files, lists of names and the like
Training = TypeVar("Training", bound=TrainingConfig)


def train(recipe: Recipe, path: Path, job: JobConfig | None = None, observer: Observer | None = None) -> Outcome:
    """Trains a model, or goes on with its unfinished training, and puts it into service.

    Args:
        path: the model's folder.
        job: how the training runs and what becomes of it.
        observer: is told what happens.

    Raises:
        DataError: nothing can be learnt from the data.
        StoppedError: a signal came; the state is saved, and the same call goes on.
        DivergedError: the loss is not finite or grows; the version in service stays.
        BusyError: another process trains this model.
        UsageError: TensorFlow is missing, or an unfinished training began with other options.
        InputOutputError: there is not enough room on the disk to begin.
        OSError: reading or writing failed; what was saved before is whole.
    """
    job, observer = job or JobConfig(), observer or Observer()
    with _told(observer, path), locked(path / "lock", job.wait):
        began = time.monotonic()
        for folder in (path, path / "versions", path / "run"):
            remove_leftovers(folder)  # of killed jobs
        outcome = _train(recipe, path, job, observer, began)
        if outcome.state == "paused":
            observer.stop(outcome.sentence(str(path)))
        observer.end(outcome.state)
        return outcome


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
        raise UsageError(f"--validation {validation}: must be a fraction between 0 and 1")
    return share


@contextlib.contextmanager
def _told(observer: Observer, path: Path) -> Iterator[None]:
    """Tells the observer why a job ends early; a failed write says what became of the training."""
    try:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            if os.path.exists(path / "run" / STATE):
                reason += "; the last saved state is whole, and the same command goes on from it"
            raise OSError(error.errno, reason, error.filename or str(path)) from error
    except BusyError:
        raise  # the other job is what observers are told about
    except StoppedError as error:
        observer.stop(str(error))
        raise
    except (RnntextError, OSError, MemoryError) as error:
        with contextlib.suppress(OSError):  # the first error is what matters
            observer.error(str(error) or type(error).__name__)
        raise


# The run --------------------------------------------------------------------------------------------------------------


def _train(recipe: Recipe, path: Path, job: JobConfig, observer: Observer, began: float) -> Outcome:
    settings = _settings(recipe, job)
    champion = promotion.champion(path, recipe.kind)  # what cannot be compared with is noticed now, not after hours
    snapshot = None if job.fresh else unfinished.read(path / "run")
    if snapshot and snapshot.options != settings and not (path / "run" / STATE).exists():
        snapshot = None  # nothing was learnt yet that could be lost
    if snapshot is None:
        data = recipe.read()
        if not (job.force or job.fresh) and (same := _made_of(path, settings, data, champion)):
            return same
        recipe, snapshot = _begin(recipe, data, champion, settings, observer)
        task = _task(recipe, snapshot)
        _check_room(path, snapshot, task)
        remove_folder(path / "run")  # only now: a mistake in the command must not cost an unfinished training
        unfinished.write(path / "run", snapshot)
    else:
        unfinished.check_same(snapshot, recipe.kind, settings, _defaults(recipe), recipe.free)
        recipe = recipe.settled(_concrete(snapshot) if snapshot.chosen is None else snapshot.chosen)
        if message := unfinished.upgraded(snapshot):
            observer.note(message)
        tensorflow.start(recipe.training.seed)
        task = _task(recipe, snapshot)
        _check_room(path, None, task)
    compared = _relative_size(champion, task) if champion is not None and job.promote == "better" else 0.0
    trained = _learn(recipe, snapshot, task, path, job, observer, began, compared)
    if isinstance(trained, Outcome):
        return trained
    outcome = promotion.finish(recipe, snapshot, path, job, trained)
    if outcome.remark:
        observer.note(outcome.remark)
    observer.version(str(outcome.version), outcome.promoted, {recipe.metric: trained.metrics[recipe.metric]})
    return outcome


def _learn(
    recipe: Recipe,
    snapshot: Snapshot,
    task: Task,
    path: Path,
    job: JobConfig,
    observer: Observer,
    began: float,
    compared: float,
) -> Trained | Outcome:
    """Trains to the end of the run, or of this session."""
    from rnntext.train.loop import Loop

    watchers = Observers([_History(path / "history.jsonl", snapshot), observer])
    warm = snapshot.parent is not None
    state = path / "run" / STATE
    loop = Loop(task, recipe.training, state, watchers, began, job.save_every, job.pause_after, warm, compared)
    with stop_on_signal() as request:
        try:
            finished = loop.run(request)
        except DivergedError:
            remove_folder(path / "run")  # going on would only diverge again
            raise
    if not finished:
        return _unfinished(loop, request)
    if warm and loop.position.best_step == 0:
        observer.note("nothing was better than the weights that the run began with: they stay")
    return _trained(task, loop)


def _relative_size(champion: Checkpoint, task: Task) -> float:
    """How many times as large as the new model the version in service is, and as slow, about."""
    return len(champion.files.get(WEIGHTS, b"")) / _bytes_of_weights(task)


def _bytes_of_weights(task: Task) -> int:
    return sum(4 * math.prod(variable.shape) for variable in task.model.trainable_variables)


def _trained(task: Task, loop: Loop) -> Trained:
    arrays, position = task.model.arrays(loop.best), loop.position
    parameters = sum(array.size for array in arrays.values())
    return Trained(arrays, position.best or {}, position.best_step, position.step, loop.seconds(), parameters)


def _unfinished(loop: Loop, request: StopRequest) -> Outcome:
    step = loop.position.step
    if request.number is not None:
        raise StoppedError(f"stopped and saved at step {step}; the same command goes on from there", request.number)
    return Outcome("paused", steps=step, seconds=loop.seconds())


class _History(Observer):
    """Writes every evaluation to history.jsonl."""

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self.path, self.corpus, self.run = path, snapshot.corpus, snapshot.run

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        entry = {
            "time": service.timestamp(),
            "run": self.run,
            "corpus": self.corpus,
            **dataclasses.asdict(progress),
            **metrics,
            "best": best,
        }
        append_line(self.path, json.dumps(entry))


# Its beginning --------------------------------------------------------------------------------------------------------


def _settings(recipe: Recipe, job: JobConfig) -> Options:
    """The options of the command that decide what is learnt."""
    free = recipe.model.may_change | recipe.training.may_change
    found = {
        group: {name: value for name, value in members.items() if name not in free}
        for group, members in recipe.options.items()
    }
    return {**found, "job": {n: v for n, v in job.to_json().items() if n not in job.may_change}}


def _defaults(recipe: Recipe) -> dict[str, Any]:
    configs = (type(recipe.model)(), type(recipe.training)(), JobConfig())
    return {name: value for config in configs for name, value in config.to_json().items()}


def _made_of(path: Path, settings: Options, data: Data, champion: Checkpoint | None) -> Outcome | None:
    """That there is nothing to do, if the newest version was made of the same data with the same settings, and the
    version in service is not damaged."""
    found = None if champion is None and in_service(path) else promotion.newest(path)
    if found is None or found.manifest.get("corpus") != data.digest:
        return None
    if found.manifest.get("settings") != promotion.settings_digest(settings):
        return None
    return Outcome("unchanged", found.version, parent=found.manifest.get("parent"))


def _concrete(snapshot: Snapshot) -> dict[str, Any]:
    """The values of all options, for a run that rnntext 0.1 began, which left none open."""
    return {**snapshot.options["model"], **snapshot.options["training"]}


def _begin(
    recipe: Recipe, data: Data, champion: Checkpoint | None, settings: Options, observer: Observer
) -> tuple[Recipe, Snapshot]:
    """A new run, with a warm start if that is wanted and possible; and the recipe with nothing left open."""
    tensorflow.start(recipe.training.seed)

    def begun(parent: Checkpoint | None) -> tuple[Recipe, Mapping[str, Any], Snapshot]:
        chosen = recipe.choose(data, parent)
        settled = recipe.settled(chosen)
        return settled, chosen, settled.begin(data, parent)

    parent = champion if settings["job"]["warm_start"] else None
    found = None
    if parent is not None:
        try:
            promotion.usable_parent(recipe, parent, _defaults(recipe))
            found = begun(parent)
        except (IncomparableError, CheckpointError) as error:
            observer.note(f"{error}: the new run begins from scratch, without its weights")
            parent = None
    settled, chosen, snapshot = found or begun(None)
    inherited = parent.files.get(promotion.SEEN, b"") if parent else b""
    sketches = {"seen": data.seen, "inherited": overlap.from_bytes(inherited)}
    arrays = {**snapshot.arrays, **sketches}
    version = parent.version if parent else None
    return settled, dataclasses.replace(snapshot, options=settings, arrays=arrays, chosen=chosen, parent=version)


def _task(recipe: Recipe, snapshot: Snapshot) -> Task:
    task = recipe.task(snapshot)
    if snapshot.parent is not None:
        task.model.assign(warm.transplant(task.model.arrays(), snapshot.arrays))
    return task


def _check_room(path: Path, snapshot: Snapshot | None, task: Task) -> None:
    """Raises InputOutputError if the disk cannot hold what a run writes: its snapshot (None: written already), two
    states at a time, of five arrays per array of weights, and a version."""
    weights = _bytes_of_weights(task)
    needed = (10 if snapshot else 5) * weights + weights + MARGIN
    if snapshot is not None:
        needed += sum(array.nbytes for array in snapshot.arrays.values())
        needed += sum(len(data) for data in snapshot.files.values())
    free = shutil.disk_usage(path).free
    if free < needed:
        raise InputOutputError(
            f"{path}: this training needs {needed / 2**20:,.0f} MB on the disk, and {free / 2**20:,.0f} MB are free; "
            "make room, or train a smaller model"
        )
