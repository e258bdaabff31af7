"""A dry run of a training: what it would be and cost, measured with a few steps that leave nothing behind."""

from __future__ import annotations

import copy
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rnntext.families import TRANSLATOR
from rnntext.files.atomic import check_output_folder
from rnntext.jobs import beginning
from rnntext.jobs.champion import load_champion
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Recipe
from rnntext.jobs.teaching import Teaching
from rnntext.jobs.unfinished import STATE
from rnntext.settings.training import JobConfig
from rnntext.system import peak_memory
from rnntext.watch.observer import Observer
from rnntext.words import counted

if TYPE_CHECKING:
    from rnntext.train.loop import Loop

MIN_STEPS = 8  # that are taken; the first one builds TensorFlow's graph
MAX_STEPS = 24
ENOUGH_SECONDS = 10.0  # after which no more than MIN_STEPS are taken
MEGABYTE = 2**20


@dataclasses.dataclass(frozen=True)
class Rehearsal(Outcome):
    """What a training would be.

    Attributes:
        steps: of the unfinished run that the command would go on with; 0 if it would begin a new one.
        steps_per_pass: number of steps of one pass over the data.
        seconds_per_pass: its time on this machine, without evaluations.
        memory: that the process took, in bytes, if the system says it.
        disk: room that the training needs on the disk, in bytes.
    """

    steps_per_pass: int = 0
    seconds_per_pass: float = 0.0
    memory: int | None = None
    disk: int = 0

    def sentence(self, path: str) -> str:
        """See Outcome."""
        begins = f"go on at step {self.steps}" if self.steps else "begin a new run"
        steps = counted(self.steps_per_pass, "step")
        memory = "" if self.memory is None else f"{self.memory / MEGABYTE:,.0f} MB of memory, "
        return (
            f"{path}: a dry run, nothing is written; it would {begins}: {self.parameters:,} parameters, a pass of "
            f"{steps} in {_duration(self.seconds_per_pass)} without evaluations, {memory}"
            f"{self.disk / MEGABYTE:,.0f} MB on the disk"
        )


def rehearse(recipe: Recipe, path: Path, job: JobConfig, observer: Observer) -> Outcome:
    """Prepares a training as `jobs.training.train` does, and takes some steps; no file of it is left. A training that
    has nothing to do has its own outcome.

    A translator's teacher is not asked: its translations take the places of as many other sentences.

    Args:
        path: the model's folder, which need not exist.

    Raises:
        RnntextError, OSError: the training could not begin; see `jobs.training.train`.
    """
    # 1. Prepare.
    check_output_folder(path, "--model")
    if recipe.family is TRANSLATOR:
        recipe = copy.copy(recipe)
        recipe.teaching = Teaching()  # type: ignore[attr-defined]
    settings = beginning.settings(recipe, job)
    snapshot = beginning.unfinished_run(path, settings, job)
    if snapshot is not None:
        run = beginning.resume(recipe, snapshot, settings, path, observer)
    else:
        champion = load_champion(path, recipe.family, observer.note)
        beginning.check_command(recipe, champion, settings)
        folder = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
        data = recipe.read(folder)  # What this puts there has no name.
        outcome = beginning.unchanged(path, settings, job, data, champion)
        if outcome is not None:
            return outcome
        run = beginning.prepared(recipe, data, champion, settings, observer, job.command)
        beginning.check_room(folder, run.material, run.snapshot)

    # 2. Take some steps. TensorFlow has been started.
    from rnntext.train.loop import Loop

    state = path / "run" / (STATE if snapshot is not None else "no state")
    task = run.material.task
    loop = Loop(task, run.recipe.training, state, Observer(), time.monotonic())
    steps = loop.position.step
    step_seconds = _step_seconds(loop) if loop.variables else 0.0
    return Rehearsal(
        "rehearsed",
        steps=steps,
        parameters=beginning.weight_bytes(task) // beginning.WEIGHT_BYTES,
        steps_per_pass=task.steps_per_epoch,
        seconds_per_pass=step_seconds * task.steps_per_epoch,
        memory=peak_memory(),
        disk=beginning.room(run.material, None if snapshot is not None else run.snapshot),
    )


def _step_seconds(loop: Loop) -> float:
    """Takes some steps; returns what one will take, in seconds: the lower quartile, as kernels are made for each shape
    of a batch when it comes for the first time."""
    times: list[float] = []
    while len(times) < MIN_STEPS or (len(times) < MAX_STEPS and sum(times) < ENOUGH_SECONDS):
        started = time.monotonic()
        loop.step()
        times.append(time.monotonic() - started)
    return sorted(times)[len(times) // 4]


def _duration(seconds: float) -> str:
    """A duration for people."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
