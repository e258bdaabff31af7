"""An unfinished training: what it has reached so far, and a version made of it before its end. TensorFlow is not
needed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rnntext.errors import CheckpointError, DivergedError, UsageError
from rnntext.families import Family, family_of
from rnntext.jobs import promotion, training, unfinished
from rnntext.jobs.champion import load_champion
from rnntext.jobs.promotion import Outcome, Trained
from rnntext.jobs.recipe import Run
from rnntext.jobs.unfinished import STATE, Snapshot
from rnntext.run.arrays import Array, Weights
from rnntext.settings.training import JobConfig
from rnntext.storage import models
from rnntext.storage.checkpoint import Checkpoint
from rnntext.storage.models import versions
from rnntext.storage.weights import WEIGHTS, to_bytes
from rnntext.train import state
from rnntext.train.divergence import check_score
from rnntext.train.state import Arrays, Position
from rnntext.watch.observer import Observer


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """An unfinished training.

    Attributes:
        path: the model's folder.
        snapshot: what it began with.
        position: where it stands.
        arrays: of its last save.
    """

    path: Path
    snapshot: Snapshot
    position: Position
    arrays: Arrays

    @property
    def family(self) -> Family:
        """The kind of model.

        Raises:
            UsageError: this version of rnntext does not know it.
        """
        return family_of(self.snapshot.kind, self.path)

    @property
    def score(self) -> float | None:
        """The best held-out score so far; None before the first evaluation."""
        best = self.position.best
        return None if best is None else best[self.family.metric]

    def sentence(self) -> str:
        """Where it stands, and what to do with it."""
        score = "not scored yet"
        if self.score is not None:
            score = f"best so far: {self.score:.4f} held-out {self.family.label}"
        command = self.snapshot.command or "the call that began it"
        hint = f"to go on, if it is not running: {command}"
        if self.position.step:
            hint += f"; to use its best weights so far: rnntext checkpoints finish {models.quoted(self.path)}"
        return f"an unfinished training lies in {self.path} (step {self.position.step}, {score}); {hint}"


def read(path: Path) -> Unfinished | None:
    """The unfinished training of a model; None if there is none.

    Raises:
        CheckpointError: it is damaged.
    """
    snapshot = unfinished.read(path / "run")
    if snapshot is None:
        return None
    position, arrays = state.load(path / "run" / STATE) or (Position(), {})
    return Unfinished(path, snapshot, position, arrays)


def finish(path: Path, job: JobConfig | None = None, observer: Observer | None = None) -> Outcome:
    """Ends an unfinished training where it stands: makes a version of its best weights so far, and puts it into service
    by the rules of every training. Killed at any moment, it has changed nothing, or the same call completes it. Where
    nothing is unfinished, the outcome is "unchanged", with the newest version.

    Args:
        path: the model's folder.
        job: what becomes of the new version.
        observer: is told what happens.

    Raises:
        UsageError: there is neither an unfinished training nor a version, or nothing to make a version of.
        CheckpointError: it is damaged.
        BusyError: a job is training this model.
    """
    job = job or JobConfig()
    observer = observer or Observer()
    with training.tidied(path):
        # 1. Read it.
        begun = read(path)
        if begun is None:  # A call that was killed at its very end has left nothing but the new version.
            if names := versions(path):
                return Outcome("unchanged", names[-1], reason="there is no unfinished training")
            raise UsageError(f"{path}: there is no unfinished training")

        # 2. Make a version of it.
        champion = load_champion(path, begun.family, observer.note)
        recipe = begun.family.recipe(begun.snapshot, observer.note)
        run = Run(recipe, begun.snapshot, recipe.open(begun.snapshot))
        if run.material.last_fit is not None:
            observer.note("the last fit on all data is left out: the version has not learnt from the held-out data")
        job = dataclasses.replace(job, command=begun.snapshot.command or job.command)
        return training.conclude(run, champion, path, job, _trained(begun, run), observer)


def _trained(begun: Unfinished, run: Run) -> Trained:
    """The best weights so far. Those of the last step are scored now, unless they are.

    Raises:
        UsageError: nothing is learnt yet, or an older rnntext has stored the weights without their names.
        CheckpointError: they are not complete.
    """
    position = begun.position
    if not position.step:
        raise UsageError(f"nothing to make a version of: {begun.sentence()}")

    # 1. Find them among the arrays.
    metrics = position.best
    step = position.best_step
    arrays = {} if metrics is None else _weights(begun, "best")

    # 2. Take those of the last step, if they are better.
    if position.evaluated != position.step:
        latest = _weights(begun, "averages")
        try:
            score = _score(run, begun, latest)
        except (CheckpointError, DivergedError):
            if metrics is None:
                raise
        else:
            if begun.score is None or begun.family.lead(score, begun.score) > 0:
                metrics = {begun.family.metric: score}
                step = position.step
                arrays = latest
    return Trained(
        arrays,
        metrics=metrics or {},
        step=step,
        steps=position.step,
        seconds=position.seconds,
    )


def _weights(begun: Unfinished, group: str) -> dict[str, Array]:
    """The weights in a group of arrays, by name; see `_trained` for what is raised."""
    members = begun.arrays.get(group, [])
    places = begun.position.places
    if members and not places:
        raise UsageError(
            f"{begun.path}: an older rnntext has saved this training; let it go on for a moment first, with its command"
        )
    try:
        return {name: members[place] for name, place in places.items()}
    except IndexError as error:
        raise CheckpointError(f"{begun.path}: the unfinished training is damaged; start over with --fresh") from error


def _score(run: Run, begun: Unfinished, arrays: Weights) -> float:
    """The held-out score of weights.

    Raises:
        CheckpointError: they are not numbers.
        DivergedError: neither is the score.
    """
    files = {**promotion.model_files(run), WEIGHTS: to_bytes(arrays)}
    model = begun.family.implementation()(
        Checkpoint(begun.path / "run", begun.snapshot.kind, run.material.about, files)
    )
    score = run.material.score(model)
    check_score((score,), begun.position.step)
    return score
