"""The last fit of a run: the model once more, on all data, for as many steps as were best."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rnntext.run.arrays import Array
from rnntext.settings.training import JobConfig, TrainingConfig
from rnntext.train.loop import Loop
from rnntext.train.schedule import Plan
from rnntext.train.state import Metrics
from rnntext.train.task import Task
from rnntext.watch.observer import Observer, Progress


class LastFit(Loop):
    """Takes the first steps of a plan, with its learning rates, and evaluates nothing meanwhile.

    Args:
        steps: to be taken.
        plan_steps: of the plan; at least `steps`.
        seconds: spent on the run in earlier sessions.
        task, config, path, observer, began, job: see Loop.
    """

    def __init__(
        self,
        steps: int,
        plan_steps: int,
        seconds: float,
        task: Task,
        config: TrainingConfig,
        path: Path,
        observer: Observer,
        began: float,
        job: JobConfig,
    ) -> None:
        config = dataclasses.replace(config, epochs=None, steps=plan_steps, time_limit=None)
        super().__init__(task, config, path, _Steps(observer), began, job.save_every, job.pause_after)
        self._last_step = steps
        if self.position.plan is None:
            after_the_end = plan_steps + 1
            self.position.plan = Plan(plan_steps, evaluate_every=after_the_end)
            self.position.evaluate_at = after_the_end
            self.position.seconds = seconds

    @property
    def ended(self) -> bool:
        """See Loop."""
        return self.position.step >= self._last_step

    def averaged(self) -> tuple[list[Array], Metrics]:
        """The averaged weights, in the order of the trainable variables, and their metrics on held-out data.

        Raises:
            DivergedError: they are not numbers.
        """
        values = [average.numpy() for average in self.averages]
        return values, self._score(values)

    def _progress(self, learning_rate: float) -> Progress:
        return dataclasses.replace(super()._progress(learning_rate), steps=self._last_step)


class _Steps(Observer):
    """Passes on steps and saves; that a run begins was told before."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def step(self, progress: Progress) -> None:
        self._observer.step(progress)

    def save(self, step: int) -> None:
        self._observer.save(step)
