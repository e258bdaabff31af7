"""What every training job does around the loop.

One job at a time trains a model. It goes on with an unfinished run; after a finished one it begins a new run if data or
settings have changed. A Recipe holds what differs between kinds of models.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rnntext.errors import BusyError, DivergedError, RnntextError, StoppedError, UsageError
from rnntext.files.atomic import remove_folder, remove_leftovers
from rnntext.files.lock import locked
from rnntext.jobs import beginning, promotion
from rnntext.jobs.champion import load_champion
from rnntext.jobs.history import History
from rnntext.jobs.last_fit import fit_again, paused
from rnntext.jobs.promotion import Outcome, Trained
from rnntext.jobs.recipe import Recipe, Run
from rnntext.jobs.signals import stop_on_signal
from rnntext.jobs.unfinished import STATE, to_pieces
from rnntext.run.arrays import Weights
from rnntext.settings.training import JobConfig, TrainingConfig
from rnntext.storage.weights import WEIGHTS
from rnntext.train import tf_config
from rnntext.train.alone import ALONE, Alone, Kind
from rnntext.watch.observer import Observer, Observers

if TYPE_CHECKING:
    from rnntext.train.loop import Loop
    from rnntext.train.task import Task

TIME_LIMIT = 600.0  # seconds, of a training without any limit of its own
AnyTraining = TypeVar("AnyTraining", bound=TrainingConfig)


def train(recipe: Recipe, path: Path, job: JobConfig | None = None, observer: Observer | None = None) -> Outcome:
    """Trains a model, or goes on with its unfinished training, and puts it into service.

    Args:
        path: the model's folder.
        job: how the training runs and what becomes of the new version.
        observer: is told what happens.

    Raises:
        DataError: nothing can be learnt from the data.
        StoppedError: a signal came; the state is saved, and the same call goes on.
        DivergedError: the loss is not finite or grows; the version in service stays.
        BusyError: another process trains this model.
        LostPeerError: another process of the same training has ended (TF_CONFIG, see `jobs.together`).
        UsageError: TensorFlow is missing, or an unfinished training began with other options.
        InputOutputError: there is not enough room on the disk to begin.
        OSError: reading or writing failed; what was saved before is not damaged.
    """
    job = job or JobConfig()
    observer = observer or Observer()
    place = tf_config.place()
    if place is not None:
        from rnntext.jobs.together import train_together

        return train_together(place, recipe, path, job, observer)
    if job.dry_run:
        from rnntext.jobs.rehearsal import rehearse

        return rehearse(recipe, path, job, observer)
    return lead(recipe, path, job, observer)


def lead(recipe: Recipe, path: Path, job: JobConfig, observer: Observer, cluster: Alone = ALONE) -> Outcome:
    """Does what `train` does, alone or as the chief of several processes, which follow (`jobs.together`).

    Args:
        cluster: the processes that train the model together.
    """
    with _errors_reported(observer, path), cluster.guarded(), tidied(path, job.wait):
        began = time.monotonic()
        outcome = _train(recipe, path, job, observer, began, cluster)
        if outcome.state == "paused":
            observer.stop(outcome.sentence(str(path)))
        observer.end(outcome.state)
        return outcome


def has_limit(training: TrainingConfig) -> bool:
    """Whether anything says when the training ends."""
    limits = (training.epochs, training.steps, training.time_limit)
    return limits != (None, None, None)


def with_limit(training: AnyTraining) -> AnyTraining:
    """The training; one without any limit gets ten minutes."""
    if has_limit(training):
        return training
    return dataclasses.replace(training, time_limit=TIME_LIMIT)


def fraction(validation: str, prefix: str = "") -> float | None:
    """The fraction that the value of `--validation` stands for, behind a prefix; None if it is the name of a file.

    Raises:
        UsageError: it is a number, but not between 0 and 1.
    """
    try:
        share = float(validation.removeprefix(prefix))
    except ValueError:
        return None
    if not 0.0 < share < 1.0:
        raise UsageError(f"--validation {validation}: must be a fraction between 0 and 1")
    return share


@contextlib.contextmanager
def tidied(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Locks a model's folder inside the block, and removes what killed jobs have left behind in it.

    Args:
        wait: seconds to wait for another job.

    Raises:
        BusyError: another job trains this model.
    """
    with locked(path / "lock", wait):
        for folder in (path, path / "versions", path / "run"):
            remove_leftovers(folder)
        yield


@contextlib.contextmanager
def _errors_reported(observer: Observer, path: Path) -> Iterator[None]:
    """Tells the observer why a job ends early. The message of a failed write says what became of the training."""
    try:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            if os.path.exists(path / "run" / STATE):
                reason += "; the last saved state is whole, and the same command goes on from it"
            raise OSError(error.errno, reason, error.filename or str(path)) from error
    except BusyError:
        raise  # The files of the observers are about the other job, which goes on.
    except StoppedError as error:
        observer.stop(str(error))
        raise
    except (RnntextError, OSError, MemoryError) as error:
        message = str(error) or type(error).__name__
        with contextlib.suppress(OSError):  # The first error is the one that matters.
            observer.error(message)
        raise


def _train(recipe: Recipe, path: Path, job: JobConfig, observer: Observer, began: float, cluster: Alone) -> Outcome:
    """Trains, in a folder that is locked.

    Args:
        began: `time.monotonic()` when the job began.
    """
    # 1. Load the version in service. If it must not be replaced, being of another kind or written by a newer rnntext,
    #    that is an error now, not after hours of training.
    champion = load_champion(path, recipe.family, observer.note)

    # 2. Go on with the unfinished run, or begin a new one.
    settings = beginning.settings(recipe, job)
    snapshot = beginning.unfinished_run(path, settings, job)
    if snapshot is not None:
        run = beginning.resume(recipe, snapshot, settings, path, observer)
    else:
        begun = beginning.begin(recipe, champion, settings, path, job, observer)
        if isinstance(begun, Outcome):
            return begun
        run = begun
    if cluster.count > 1:
        cluster.send(Kind.RUN, to_pieces(run.snapshot))

    # 3. Train.
    relative_size = 0.0
    if champion is not None and job.promote == "better":
        relative_size = _relative_size(champion, run.material.task)
    trained = _learn(run, path, job, observer, began, relative_size, cluster)
    if isinstance(trained, Outcome):
        return trained

    # 4. Write the new version and decide whether it goes into service.
    outcome = conclude(run, champion, path, job, trained, observer)
    if champion is None:
        _tell_unseen(run, trained, observer)
    return outcome


def conclude(
    run: Run, champion: Any | None, path: Path, job: JobConfig, trained: Trained, observer: Observer
) -> Outcome:
    """`promotion.finish`, which the observer is told of. TensorFlow is not needed."""
    if run.snapshot.parent is not None and trained.step == 0:
        observer.note("nothing was better than the weights that the run began with: they stay")
    outcome = promotion.finish(run, champion, path, job, trained)
    metric = run.recipe.family.metric
    score = trained.metrics[metric]
    for remark in (outcome.remark, run.material.verdict(score)):
        if remark:
            observer.note(remark)
    observer.version(str(outcome.version), outcome.promoted, {metric: score})
    return outcome


def _tell_unseen(run: Run, trained: Trained, observer: Observer) -> None:
    """Tells that a first version has not seen all data, if the time was too short for one pass."""
    steps = run.material.task.steps_per_epoch
    if run.recipe.training.time_limit is None or trained.steps >= steps:
        return
    percent = min(99.0, 100 * trained.steps / steps)
    observer.note(
        f"this first version has seen {percent:.2g}% of the data ({trained.steps} of {steps} steps): "
        "a longer training makes it better"
    )


def _learn(
    run: Run, path: Path, job: JobConfig, observer: Observer, began: float, relative_size: float, cluster: Alone
) -> Trained | Outcome:
    """The best weights, at the end of the run; the outcome "paused", at the end of a session before that.

    Args:
        relative_size: see `_relative_size`; 0 if the version in service is not scored.
    """
    from rnntext.train.loop import Loop

    # 1. Put the loop together. If a last fit follows, it begins with the same weights, and has half of a time limit.
    history = History(path / "history.jsonl", run.snapshot)
    observers = Observers([history, observer])
    state = path / "run" / STATE
    task = run.material.task
    training = run.recipe.training
    time_limit = training.time_limit
    start: Weights = {}
    if run.material.last_fit is not None:
        start = task.model.arrays()
        if time_limit is not None:
            training = dataclasses.replace(training, time_limit=max(1.0, time_limit / 2))
    warm = run.snapshot.parent is not None
    loop = Loop(task, training, state, observers, began, job.save_every, job.pause_after, warm, relative_size, cluster)
    loop.position.places = task.model.places()
    if time_limit is not None and loop.position.step == 0 and loop.seconds() > time_limit:
        spent = f"{loop.seconds():.0f} s of the {time_limit:.0f} s that --time-limit gives are over"
        observer.note(f"{spent} before the first step; a longer limit leaves time to learn")

    # 2. Run it.
    with stop_on_signal(observer.stopping) as request:

        def stopped() -> bool:
            request.number = request.number or cluster.signal or None
            return request()

        try:
            finished = loop.run(stopped)
        except DivergedError:
            remove_folder(path / "run")  # Its next session would diverge again.
            raise
        if not finished:
            return paused(loop, request)
        trained = _trained(task, loop)

        # 3. Fit all data, if anything was learnt from a part of them.
        if run.material.last_fit is None or not (warm or trained.step):
            return trained
        task = run.material.last_fit(start)
        return fit_again(run, loop, task, trained, request)


def _relative_size(champion: Any, task: Task) -> float:
    """The size of the version in service divided by that of the new model. Its evaluation takes about so many times as
    long as one of the new model. A naive forecaster has no weights, so its evaluation counts as one of equal size."""
    own_bytes = beginning.weight_bytes(task)
    if not own_bytes:
        return 1.0
    champion_bytes = len(champion.checkpoint.files.get(WEIGHTS, b""))
    return champion_bytes / own_bytes


def _trained(task: Task, loop: Loop) -> Trained:
    position = loop.position
    return Trained(
        task.model.arrays(loop.best),
        metrics=position.best or {},
        step=position.best_step,
        steps=position.step,
        seconds=loop.seconds(),
    )
