"""The last fit of a training: on all data, held-out data included, when the best number of steps is known.

What is measured (the score, bands, the comparison with the version in service) is measured with the weights before it,
which have not seen the held-out data. A version has both.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from rnntext.errors import DivergedError, StoppedError
from rnntext.jobs.promotion import Outcome, Trained
from rnntext.jobs.recipe import Run
from rnntext.jobs.signals import StopRequest

if TYPE_CHECKING:
    from rnntext.train.loop import Loop
    from rnntext.train.task import Task

STATE = "last-fit.safetensors"  # name of the file with its state


def fit_again(run: Run, loop: Loop, task: Task, trained: Trained, request: StopRequest) -> Trained | Outcome:
    """What was trained, with the weights of a last fit; the outcome "paused", at the end of a session before that.

    The weights stay as they are if no time is left, or if the last fit deserves a remark that they did not.

    Args:
        loop: has found the best number of steps.
        task: of the last fit.
        trained: by the loop.
    """
    from rnntext.train.last_fit import LastFit

    # 1. Take as many steps as were best, as long as there is time.
    again = LastFit(loop, task, loop.path.with_name(STATE))
    note = loop.observer.note
    limit = (run.recipe.training.time_limit or math.inf) - loop.closing_seconds()  # of the steps, in seconds of the run
    if trained.step:  # else the weights of the last fit before stay
        note(f"last fit, on all data: {trained.step} steps")

    def late() -> bool:
        step_seconds = again.planner.step_seconds() if again.planner.steps else loop.planner.first_seconds
        return again.seconds() + step_seconds > limit

    try:
        if not again.run(lambda: request() or late()):
            if request() or not late():
                return paused(again, request)
            note("no time is left for the last fit: the weights before it stay")
            return trained

        # 2. Look whether they are any good.
        values, metrics = again.averaged()
    except DivergedError:
        note("the last fit is left out: it diverged")
        return trained
    metric = task.family.metric
    verdict = run.material.verdict(metrics[metric])
    if verdict is not None and run.material.verdict(trained.metrics[metric]) is None:
        note(f"the last fit is left out: on the held-out data, which it has seen, it is {verdict}")
        return trained
    arrays = task.model.arrays(values)
    return dataclasses.replace(trained, arrays=arrays, honest=trained.arrays, seconds=again.seconds())


def paused(loop: Loop, request: StopRequest) -> Outcome:
    """The outcome of a session that ends before its run; raises StoppedError if a signal ended it."""
    step = loop.position.step
    if request.number is not None:
        raise StoppedError(f"stopped and saved at step {step}; the same command goes on from there", request.number)
    return Outcome("paused", steps=step, seconds=loop.seconds())
