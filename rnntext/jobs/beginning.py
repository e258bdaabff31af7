"""The beginning of a training job: whether there is anything to do, a new run or an unfinished one, and its model."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnntext.errors import CheckpointError, InputOutputError
from rnntext.files.atomic import remove_folder
from rnntext.jobs import promotion, unfinished
from rnntext.jobs.champion import check_parent
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Data, IncomparableError, Material, Recipe, Run
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.settings.base import Config
from rnntext.settings.training import JobConfig
from rnntext.storage.models import in_service
from rnntext.train import tensorflow, warm
from rnntext.watch.observer import Observer

if TYPE_CHECKING:
    from rnntext.train.task import Task

WEIGHT_BYTES = 4  # float32
STATE_ARRAYS = 5  # arrays in a state for each array of weights: weights, averages, best weights, Adam's two moments
MARGIN = 2**20  # bytes of small files, lists of names and the like
Beginning = tuple[Recipe, Mapping[str, Any], Snapshot]  # a recipe with nothing left open, what was chosen, a snapshot


def settings(recipe: Recipe, job: JobConfig) -> Options:
    """The options of the command that decide what is learnt, by group and name."""
    may_change = recipe.model.may_change() | recipe.training.may_change() | job.may_change()
    groups = {**recipe.options, "job": job.to_json()}
    decisive: dict[str, dict[str, Any]] = {}
    for group, options in groups.items():
        decisive[group] = {name: value for name, value in options.items() if name not in may_change}
    return decisive


def configs(recipe: Recipe) -> tuple[Config, ...]:
    """Configs of the types that declare the options in `settings`."""
    return recipe.model, recipe.training, JobConfig()


def unchanged(path: Path, settings: Options, job: JobConfig, data: Data, champion: Any | None) -> Outcome | None:
    """The outcome "unchanged" if the newest version was made of the same data with the same settings, the version in
    service is not damaged, and the job does not ask for another one all the same; otherwise None.

    Args:
        path: the model's folder.
        champion: the model in service; None if there is none or it is damaged.
    """
    if job.force or job.fresh or (champion is None and in_service(path)):
        return None
    newest = promotion.newest(path)
    if newest is None or newest.manifest.get("corpus") != data.digest:
        return None
    if newest.manifest.get("settings") != promotion.settings_digest(settings):
        return None
    return Outcome("unchanged", newest.version, parent=newest.manifest.get("parent"))


def begin(
    recipe: Recipe, champion: Any | None, settings: Options, path: Path, job: JobConfig, observer: Observer
) -> Run | Outcome:
    """Reads the data and begins a new run, with the weights of the version in service if that is wanted and possible;
    the outcome "unchanged" if there is nothing to do.

    Args:
        champion: the model in service.
        path: the model's folder.

    Raises:
        DataError: nothing can be learnt from the data.
        UsageError: see `check_command`.
        InputOutputError: there is not enough room on the disk.
    """
    check_command(recipe, champion, settings)
    data = recipe.read(path)
    outcome = unchanged(path, settings, job, data, champion)
    if outcome is not None:
        return outcome
    run = prepared(recipe, data, champion, settings, observer, job.command)
    del data  # It need not be in memory beside the snapshot while that is written.
    # A mistake in the command must not cost the unfinished run, so its place is taken last.
    check_room(path, run.material, run.snapshot)
    remove_folder(path / "run")
    unfinished.write(path / "run", run.snapshot)
    return run


def check_command(recipe: Recipe, champion: Any | None, settings: Options) -> None:
    """Raises UsageError if the command cannot go on from the model in service, before data are read and a teacher is
    asked. A model whose weights the run does not begin with is no hindrance."""
    if champion is None or not settings["job"]["warm_start"]:
        return
    try:
        check_parent(recipe, champion)
    except (IncomparableError, CheckpointError):
        return
    recipe.check_vocabulary(champion)


def prepared(
    recipe: Recipe, data: Data, champion: Any | None, settings: Options, observer: Observer, command: str
) -> Run:
    """A new run, of which nothing is written yet.

    Args:
        data: what `recipe.read` gave.
        champion: the model in service.
        command: the command line.
    """
    tensorflow.start(recipe.training.seed)

    # 1. Choose what the command leaves open, and make a snapshot.
    parent = champion if settings["job"]["warm_start"] else None
    beginning = _warm_beginning(recipe, data, parent, observer)
    if beginning is None:
        parent = None
        beginning = _beginning(recipe, data, parent)
    recipe, chosen, snapshot = beginning

    # 2. Add sketches of the data, and of all data that the parent has learnt from.
    arrays = {**snapshot.arrays, "seen": data.seen, "inherited": promotion.seen_by(parent)}
    version = None if parent is None else parent.checkpoint.version
    snapshot = dataclasses.replace(
        snapshot, options=settings, arrays=arrays, chosen=chosen, parent=version, command=command
    )
    return Run(recipe, snapshot, _material(recipe, snapshot))


def _warm_beginning(recipe: Recipe, data: Data, parent: Any | None, observer: Observer) -> Beginning | None:
    """The beginning with the weights of a parent; None if there is no parent, or its weights do not fit."""
    if parent is None:
        return None
    try:
        check_parent(recipe, parent)
        return _beginning(recipe, data, parent)
    except (IncomparableError, CheckpointError) as error:
        observer.note(f"{error}: the new run begins from scratch, without its weights")
        return None


def _beginning(recipe: Recipe, data: Data, parent: Any | None) -> Beginning:
    """The beginning with the weights of a parent, or from scratch."""
    chosen = recipe.choose(data, parent)
    recipe = recipe.settled(chosen)
    return recipe, chosen, recipe.begin(data, parent)


def unfinished_run(path: Path, settings: Options, job: JobConfig) -> Snapshot | None:
    """The unfinished run that a command goes on with; None if it begins a new one.

    Raises:
        CheckpointError: it is damaged.
    """
    snapshot = None if job.fresh else unfinished.read(path / "run")
    if snapshot is not None and snapshot.options != settings and not (path / "run" / unfinished.STATE).exists():
        return None  # Nothing has been learnt yet that could be lost.
    return snapshot


def resume(recipe: Recipe, snapshot: Snapshot, settings: Options, path: Path, observer: Observer) -> Run:
    """Goes on with an unfinished run.

    Args:
        path: the model's folder.

    Raises:
        UsageError: the run began with other options.
        InputOutputError: there is not enough room on the disk.
    """
    unfinished.check_same(snapshot, recipe.family.kind, settings, configs(recipe), recipe.free)
    recipe = settled(recipe, snapshot)
    message = unfinished.upgraded(snapshot)
    if message is not None:
        observer.note(message)
    tensorflow.start(recipe.training.seed)
    material = _material(recipe, snapshot)
    check_room(path, material)
    return Run(recipe, snapshot, material)


def settled(recipe: Recipe, snapshot: Snapshot) -> Recipe:
    """The recipe of a run that has begun, with nothing left open."""
    chosen = snapshot.chosen
    if chosen is None:  # The command of rnntext 0.1 that began the run left nothing open.
        chosen = {**snapshot.options["model"], **snapshot.options["training"]}
    return recipe.settled(chosen)


def _material(recipe: Recipe, snapshot: Snapshot) -> Material:
    """The material of a run; its model has the weights that the run begins with."""
    material = recipe.open(snapshot)
    if snapshot.parent is not None:
        model = material.task.model
        weights = warm.transplant(model.arrays(), snapshot.arrays)
        model.assign(weights)
    return material


def weight_bytes(task: Task) -> int:
    """Bytes of all weights of a task's model."""
    return sum(WEIGHT_BYTES * math.prod(variable.shape) for variable in task.model.trainable_variables)


def room(material: Material, snapshot: Snapshot | None = None) -> int:
    """Bytes that a run writes: its state (the next one beside the last one), that of a last fit, a version, and its
    snapshot.

    Args:
        snapshot: None if it is written already, and so is a state.
    """
    weights = weight_bytes(material.task)
    state = STATE_ARRAYS * weights
    needed = weights + MARGIN + state
    if material.last_fit is not None:
        needed += weights + state
    if snapshot is not None:
        needed += state
        needed += sum(array.nbytes for array in snapshot.arrays.values())
        needed += sum(len(content) for content in snapshot.files.values())
    return needed


def check_room(path: Path, material: Material, snapshot: Snapshot | None = None) -> None:
    """Raises InputOutputError if the disk cannot hold what a run writes; for the arguments see `room`."""
    needed = room(material, snapshot)
    free = shutil.disk_usage(path).free
    if free < needed:
        raise InputOutputError(
            f"{path}: this training needs {needed / 2**20:,.0f} MB on the disk, and {free / 2**20:,.0f} MB are free; "
            "make room, or train a smaller model"
        )
