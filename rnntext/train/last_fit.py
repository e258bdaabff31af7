"""The last fit of a run: the model once more, on all data, for as many steps as were best."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rnntext.run.arrays import Array
from rnntext.train.loop import Loop
from rnntext.train.schedule import Plan
from rnntext.train.state import Metrics
from rnntext.train.task import Task
from rnntext.watch.observer import Observer, Progress


class LastFit(Loop):
    """Takes the steps of another loop again, with its learning rates, up to the best one; evaluates nothing meanwhile.

    Args:
        loop: has ended.
        task: the same model with its first weights, and all data.
        path: file of the state of the last fit.
    """

    def __init__(self, loop: Loop, task: Task, path: Path) -> None:
        steps = loop.position.step
        config = dataclasses.replace(loop.config, epochs=None, steps=steps, time_limit=None)
        super().__init__(task, config, path, _Steps(loop.observer), loop.began, loop.save_every, loop.pause_after)
        self._last_step = loop.position.best_step
        if self.position.plan is None:
            after_the_end = steps + 1
            self.position.plan = Plan(steps, evaluate_every=after_the_end)
            self.position.evaluate_at = after_the_end
            self.position.seconds = loop.position.seconds

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
