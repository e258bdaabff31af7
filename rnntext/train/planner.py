"""Plans a run from its limits and from the time that its steps, evaluations and saves take."""

from __future__ import annotations

import dataclasses
from collections import deque

from rnntext.settings.training import TrainingConfig
from rnntext.train import schedule
from rnntext.train.state import Position

SKIPPED_STEPS = 3  # first steps of a session, which are not timed: graphs are made and memory is taken in them
ENOUGH_STEPS = 5  # timed steps after which there is a plan, unless RECENT_SHARE is over before
RECENT_SHARE = 0.02  # share of a time limit in which the remembered steps were taken
MIN_RECENT = 10  # steps that are remembered at least, however long they took
MAX_RECENT = 200  # steps that are remembered at most, however short they were


class Planner:
    """Measures a session of a run, and plans the run.

    Args:
        config: the limits of the run.
        steps_per_epoch: optimizer updates that go once over the training data.

    Attributes:
        steps: taken in this session.
        save_seconds: what the last save of this session took.
        first_seconds: what its first step took, in which graphs are made.
    """

    def __init__(self, config: TrainingConfig, steps_per_epoch: int) -> None:
        self.steps = 0
        self.save_seconds = 0.0
        self.first_seconds = 0.0
        self._time_limit = config.time_limit
        self._max_steps = _max_steps(config, steps_per_epoch)
        time_limit = config.time_limit or 0.0
        self._window = RECENT_SHARE * time_limit  # seconds
        self._times: deque[float] = deque()  # of recent steps, in seconds
        self._times_sum = 0.0
        self._replan_at = 0

    def add_step(self, seconds: float) -> None:
        """Notes that a step has taken so long."""
        self.steps += 1
        if self.steps == 1:
            self.first_seconds = seconds
        if self.steps <= SKIPPED_STEPS:
            return
        self._times.append(seconds)
        self._times_sum += seconds
        while self._too_many():
            self._times_sum -= self._times.popleft()

    def _too_many(self) -> bool:
        """Whether the oldest time is to be forgotten."""
        count = len(self._times)
        if count <= MIN_RECENT:
            return False
        return count > MAX_RECENT or self._times_sum > self._window

    def step_seconds(self) -> float:
        """What a step takes now, in seconds: the mean of the recent ones; 0 if none was measured in this session.

        The slowest one is left out, as it may have been an accident.
        """
        count = len(self._times)
        if count < 2:
            return self._times_sum
        usual = self._times_sum - max(self._times)
        return usual / (count - 1)

    def evaluation_seconds(self, position: Position) -> float:
        """What an evaluation would take now, in seconds.

        It is what the last one took, on a machine that has slowed down as much as the steps tell.
        """
        step_seconds = self.step_seconds()
        slowdown = 1.0
        if step_seconds > 0 and position.evaluation_step_seconds > 0:
            slowdown = step_seconds / position.evaluation_step_seconds
        return position.evaluation_seconds * slowdown

    def closing_seconds(self, position: Position, extra_evaluations: float) -> float:
        """What comes after the last step, in seconds: evaluations (one, and the extra ones), a save, and a version."""
        evaluations = 1.0 + extra_evaluations
        evaluation_seconds = evaluations * self.evaluation_seconds(position)
        return evaluation_seconds + 2 * self.save_seconds

    def plan(self, position: Position, left: float) -> None:
        """Sets the number of steps and the next evaluation in `position`.

        A limit in steps is final at once. Under a time limit there is no plan until enough steps are timed, and then a
        new one now and again, up to the last tenth of the run.

        Args:
            position: where the run stands.
            left: seconds of the time limit that are left for steps and the evaluations between them; not read where
                there is no time limit.
        """
        if self._time_limit is not None:
            self._plan_time(position, self._time_limit, left)
        elif position.plan is None:
            assert self._max_steps is not None
            position.plan = schedule.plan_steps(self._max_steps)
        plan = position.plan
        if plan is None:
            return
        if self._time_limit is not None and position.evaluated < 0:
            position.evaluate_at = schedule.first_evaluation(plan, self._time_limit)
        elif position.evaluate_at is None:
            position.evaluate_at = position.step + plan.evaluate_every

    def _plan_time(self, position: Position, time_limit: float, left: float) -> None:
        """Brings `position.plan` up to date where there is a time limit; `time_limit` and `left` are in seconds."""
        plan = position.plan
        step = position.step
        step_seconds = self.step_seconds()

        # 1. The time is over, whatever the plan was.
        if step and left < step_seconds:
            ended = plan or schedule.plan_steps(step)
            position.plan = dataclasses.replace(ended, steps=step, final=True)
            return

        # 2. The limit on steps is reached before there is a plan.
        if plan is None and self._max_steps is not None and step >= self._max_steps:
            position.plan = schedule.plan_steps(self._max_steps)
            return

        # 3. The plan is final, or too little has been measured since it was made.
        final = plan is not None and plan.final
        if final or step < self._replan_at or not self._timed_enough():
            return

        # 4. Measure anew how many steps are left.
        spare = (1.0 - schedule.BUDGET) * time_limit
        evaluation_seconds = self.evaluation_seconds(position) + self.save_seconds
        plan = schedule.plan_time(
            plan, step, left - spare, step_seconds, evaluation_seconds, time_limit, self._max_steps
        )
        position.plan = plan
        steps_left = plan.steps - step
        until_replan = steps_left // schedule.EVALUATIONS  # The plan holds for a twentieth of what is left.
        self._replan_at = step + max(1, until_replan)

    def _timed_enough(self) -> bool:
        """Whether enough steps were measured for a plan."""
        if len(self._times) >= ENOUGH_STEPS:
            return True
        return self._times_sum > self._window > 0


def _max_steps(config: TrainingConfig, steps_per_epoch: int) -> int | None:
    """The limit on steps, from `--steps` and `--epochs`; None if there is neither."""
    limits = []
    if config.steps is not None:
        limits.append(config.steps)
    if config.epochs is not None:
        limits.append(config.epochs * steps_per_epoch)
    return min(limits, default=None)
