"""The one training loop, for every model.

A step is one optimizer update (`train/learner.py`); what it learns from is the task's business (`train/task.py`). In
between the loop plans the run (`train/planner.py`), evaluates the averaged weights on held-out data, keeps the best
ones, watches for divergence (`train/divergence.py`), and saves all that a resume needs (`train/state.py`).
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path

from rnntext.errors import CheckpointError, DivergedError
from rnntext.run.arrays import Array
from rnntext.settings.training import JobConfig, TrainingConfig
from rnntext.train import schedule, state
from rnntext.train.alone import ALONE, Alone, Kind
from rnntext.train.divergence import check_score, check_weights, watch_loss
from rnntext.train.learner import Learner
from rnntext.train.planner import Planner
from rnntext.train.state import Metrics, Position
from rnntext.train.task import Task
from rnntext.watch.observer import Observer, Progress

MAX_LATENESS = 2.0  # seconds that a session may end late


class Loop(Learner):
    """Trains a task until its plan ends; resumes from `path`, where it also saves.

    Args:
        task: model and data.
        config: budget, rates and seed.
        path: file of the run's state.
        observer: is told what happens.
        began: `time.monotonic()` when the job began; a time limit counts from there.
        save_every: seconds between two saves, beside those after evaluations.
        pause_after: seconds after which this session ends, to be continued by another one.
        warm: the model has learnt before: its weights are the first candidate for the best ones, and a loss at the
            start that is below `divergence.WARM_LOSS` counts as that when divergence is watched for.
        extra_evaluations: time of the evaluation of the version in service after the run, divided by that of one in it.
        cluster: the processes that train the model together. This one is their chief, whom the others follow.

    Attributes:
        position: where the run stands.
        planner: measures this session.
        best: the averaged weights of the best evaluation, in the order of the trainable variables.

    Raises:
        CheckpointError: the file is damaged or of another model.
    """

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        path: Path,
        observer: Observer,
        began: float,
        save_every: float = JobConfig.save_every,
        pause_after: float | None = None,
        warm: bool = False,
        extra_evaluations: float = 0.0,
        cluster: Alone = ALONE,
    ) -> None:
        # 1. Keep the arguments.
        super().__init__(task, config, cluster)
        self.path = path
        self.observer = observer
        self.save_every = save_every
        self.pause_after = pause_after
        self.warm = warm
        self.extra_evaluations = extra_evaluations
        self.planner = Planner(config, task.steps_per_epoch)

        # 2. Begin the run, or go on with it.
        self.best: list[Array] = []
        self.position = Position(evaluate_at=0 if warm or task.family.untrained else None)
        self.began = began
        self._saved = time.monotonic()
        self._resume()

    # The run ----------------------------------------------------------------------------------------------------------

    def run(self, stopped: Callable[[], bool]) -> bool:
        """Trains to the plan's end, and returns True; or saves, and returns False, to be continued.

        Before every step it asks `stopped`, and whether `pause_after` leaves time for what comes next.

        Raises:
            DivergedError: see `train/divergence.py`; nothing is saved after the last good state.
        """
        # 1. Tell the observer what begins.
        sizes = [math.prod(variable.shape) for variable in self.variables]
        self.observer.start(sum(sizes), self.position.step)
        progress = self._progress(0.0)

        # 2. Evaluate, plan and take a step, again and again.
        while not self.ended:
            due = self.position.evaluation_due
            if stopped() or self._must_pause(due):
                self.save()
                return False
            if due:
                self._evaluate(progress)
                self.save()
                continue
            self._plan()
            if self.position.finished or self.position.evaluation_due:  # the plan says that the run ends here
                continue
            progress = self.step()
            self.observer.step(progress)
            unsaved = time.monotonic() - self._saved
            if unsaved >= self.save_every and not self.position.evaluation_due:
                self.save()
        return True

    @property
    def ended(self) -> bool:
        """Whether nothing is left to be done."""
        return self.position.finished

    def _must_pause(self, evaluation_due: bool) -> bool:
        """Whether what comes next would end too late: by more than half of it, or by more than `MAX_LATENESS`.

        A session takes at least one step.
        """
        if self.pause_after is None or not self.planner.steps:
            return False
        needed = self.planner.step_seconds()
        if evaluation_due:
            needed = self.planner.evaluation_seconds(self.position)
        end = time.monotonic() - self.began + needed + self.planner.save_seconds
        return end - self.pause_after > min(MAX_LATENESS, needed / 2)

    def _plan(self) -> None:
        """Brings the plan up to date."""
        limit = math.inf if self.config.time_limit is None else self.config.time_limit
        self.planner.plan(self.position, limit - self.seconds() - self.closing_seconds())

    def closing_seconds(self) -> float:
        """Seconds from the last step to the end of the run."""
        return self.planner.closing_seconds(self.position, self.extra_evaluations)

    def seconds(self) -> float:
        """Seconds spent on this run, over all sessions."""
        return self.position.seconds + time.monotonic() - self.began

    # A step -----------------------------------------------------------------------------------------------------------

    def step(self) -> Progress:
        """Takes one step.

        Raises:
            DivergedError: see `watch_loss`.
        """
        started = time.monotonic()
        position = self.position
        config = self.config
        step = position.step
        rate = schedule.learning_rate(step, position.plan, config.learning_rate, config.warmup, config.schedule)
        self.cluster.tell(Kind.STEP, step, rate)
        mean_loss = self.take(step, rate)
        watch_loss(position, mean_loss, config, self.task.usual_loss, self.warm)
        position.step += 1
        self.planner.add_step(time.monotonic() - started)
        return self._progress(rate)

    def _progress(self, learning_rate: float) -> Progress:
        """What an observer is told after a step."""
        position = self.position
        step_seconds = self.planner.step_seconds()
        units_per_second = self.task.units_per_step / step_seconds if step_seconds else 0.0
        return Progress(
            step=position.step,
            steps=position.plan.steps if position.plan else None,
            epoch=position.step // self.task.steps_per_epoch,
            seconds=self.seconds(),
            rate=units_per_second,
            loss=position.smooth_loss or 0.0,
            learning_rate=learning_rate,
        )

    # An evaluation ----------------------------------------------------------------------------------------------------

    def _evaluate(self, progress: Progress) -> None:
        """Measures the averaged weights on held-out data, and keeps them if they are the best ones so far."""
        # 1. Measure.
        started = time.monotonic()
        position = self.position
        values = [average.numpy() for average in self.averages]
        metrics = self._score(values)

        # 2. Keep the best weights.
        is_better = self.task.family.is_better
        margin = 0.0 if self.warm or position.best_step else self.task.family.margin
        best = is_better(metrics, position.best, margin)
        if best:
            self.best = values
            position.best = metrics
            position.best_step = position.step

        # 3. Count evaluations without an improvement. What a run begins with is no reason to lose patience.
        if position.step:
            position.stale += 1
            if is_better(metrics, position.best_trained):
                position.best_trained = metrics
                position.stale = 0

        # 4. Note how long it took, and when the next one comes.
        plan = position.plan
        position.evaluated = position.step
        position.evaluation_seconds = time.monotonic() - started
        position.evaluation_step_seconds = self.planner.step_seconds()
        position.evaluate_at = position.step + plan.evaluate_every if plan else None

        # 5. Tell the observer, and end the run if patience is lost.
        self.observer.evaluation(progress, metrics, best)
        if self.observer.wants_examples:
            self.observer.examples(self.task.examples())
        if plan is not None and position.stale == self.config.patience:
            position.plan = dataclasses.replace(plan, steps=position.step)

    def _score(self, values: list[Array]) -> Metrics:
        """Metrics of the model with these weights.

        Raises:
            DivergedError: the weights or the score are not numbers, or nothing can be computed from the weights.
        """
        step = self.position.step
        check_weights(values, step)
        try:
            metrics = self.task.evaluate(values)
        except CheckpointError as error:
            raise DivergedError(f"at step {step} {error}; no version was written") from error
        check_score(self.task.family.rank(metrics), step)
        return metrics

    # The state --------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes all that a resume needs."""
        started = time.monotonic()
        position = dataclasses.replace(self.position, seconds=self.seconds())
        self.cluster.tell(Kind.SAVE)
        state.save(self.path, position, {**self.arrays(), "best": self.best})
        self._saved = time.monotonic()
        self.planner.save_seconds = self._saved - started
        self.observer.save(position.step)

    def _resume(self) -> None:
        """Takes the state of an unfinished run, if there is one, and gives it to the processes that follow."""
        unfinished = state.load(self.path)
        carried: list[Array] = []
        if unfinished is not None:
            self.position, arrays = unfinished
            carried = arrays.get("carried", [])
            self.best = arrays.get("best", [])
            try:
                self.assign(arrays)
            except (KeyError, ValueError) as error:
                raise CheckpointError(
                    f"{self.path}: the unfinished training is not of this model ({error}); start over with --fresh"
                ) from error
        if self.cluster.count > 1:
            content = state.to_bytes(self.position, {**self.variable_arrays(), "carried": carried})
            self.cluster.send(Kind.STATE, [content])
