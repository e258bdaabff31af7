"""How long a run is, and how its learning rate goes.

The rate rises in a linear warm-up and then follows one of these schedules; u is the share of the run that is over:

    cosine           peak * (1 + cos(pi u)) / 2              half a cosine (Loshchilov, Hutter 2017, equation 5)
    wsd              peak * min(1, (1 - u) / DECAY_SHARE)    warm-up, stable, decay (Hu et al. 2024)
    inverse-root     peak * sqrt(warm-up / step)             (Vaswani et al. 2017, equation 3)
    constant         peak, without a warm-up

A limit in steps is known from the start. A time limit is not: how many steps fit into it is measured again and again,
and the rate follows the share of the run that is over, so that a machine that becomes slower or faster bends the curve
and does not cut it off. In the last tenth the number of steps stays as it is: from there on everything is a function of
the step, and a resumed run repeats it to the bit.
"""

from __future__ import annotations

import dataclasses
import math

WARMUP_STEPS = 100
WARMUP_SHARE = 0.1  # largest share of a run that the warm-up takes
EVALUATIONS = 20  # about how many evaluations a run has
MIN_STEPS_BETWEEN = 100  # steps between two evaluations of a run of a given number of steps, at least
EVALUATION_SHARE = 0.06  # share of a time limit that all evaluations take together, at most, as far as can be foreseen
FIRST_SHARE = 0.2  # share of a time limit after which the first evaluation comes, unless FIRST_SECONDS are less
FIRST_SECONDS = 60.0
DECAY_SHARE = 0.2  # share of a run that the decay of the schedule "wsd" takes
FINAL = 0.9  # share of a run after which its number of steps is fixed
BUDGET = 0.985  # share of a time limit that is planned for; the rest is for a machine that slows down at the very end


@dataclasses.dataclass(frozen=True)
class Plan:
    """The whole run, as far as it is known.

    Attributes:
        steps: optimizer updates of the run.
        evaluate_every: steps between two evaluations.
        since, progress: the step at which the plan was made, and the share of the run that was over then.
        final: whether the number of steps is fixed.
    """

    steps: int
    evaluate_every: int
    since: int = 0
    progress: float = 0.0
    final: bool = True

    def over(self, step: int) -> float:
        """The share of the run, 0 to 1, that is over after `step` steps.

        It grows linearly from `progress` at step `since` to 1 at the last step.
        """
        planned = max(1, self.steps - self.since)
        share = (step - self.since) / planned
        return self.progress + (1.0 - self.progress) * min(1.0, share)


def plan_steps(steps: int) -> Plan:
    """A run of a given number of steps, with about twenty evaluations, at least 100 steps apart."""
    between = max(MIN_STEPS_BETWEEN, math.ceil(steps / EVALUATIONS))
    return Plan(steps, evaluate_every=min(steps, between))


def plan_time(
    before: Plan | None,
    done: int,
    seconds: float,
    step_seconds: float,
    evaluation_seconds: float,
    time_limit: float,
    max_steps: int | None,
) -> Plan:
    """A run that ends after about `seconds` more, of which evaluations take a small share.

    Args:
        before: the plan so far.
        done: steps already taken.
        seconds: what is left of the time limit for steps and the evaluations between them.
        step_seconds, evaluation_seconds: what one step and one evaluation were measured to take, a save included.
        time_limit: of the whole run, in seconds.
        max_steps: limit on the number of steps, from `--steps` or `--epochs`.
    """
    # 1. Estimate the whole run as if there were no evaluations.
    progress = None
    if before is not None:
        progress = before.over(done)
    max_left = seconds / step_seconds
    if progress is None:
        whole = done + max_left
    else:
        whole = max_left / max(1e-9, 1.0 - progress)
    if max_steps is not None:
        whole = min(whole, max_steps)
    whole = max(done + 1.0, whole)

    # 2. Choose how often to evaluate: about twenty times, and less often if that took more than EVALUATION_SHARE.
    affordable_share = evaluation_seconds / (EVALUATION_SHARE * time_limit)
    share = max(1.0 / EVALUATIONS, affordable_share)  # of the run between two evaluations
    between = share * whole  # steps between two evaluations

    # 3. Count the steps that fit: with each step goes its part of an evaluation.
    seconds_per_step = step_seconds + evaluation_seconds / max(1.0, between)
    left = max(1, int(seconds / seconds_per_step))
    steps = done + left
    if max_steps is not None:
        steps = min(steps, max_steps)
    if progress is None:
        progress = done / steps
    evaluate_every = max(1, math.ceil(between))
    return Plan(steps, evaluate_every, done, progress, final=progress >= FINAL)


def first_evaluation(plan: Plan, time_limit: float) -> int:
    """Steps until the first evaluation of a run with a time limit (in seconds).

    It is the most expensive one, since an untrained model's answers do not end, and tells the least; but what the
    others will take is known only after it. So it comes after FIRST_SHARE of the run or FIRST_SECONDS, whichever is
    earlier, but not before a twentieth of the run.
    """
    share = min(FIRST_SHARE, FIRST_SECONDS / time_limit)
    share = max(1.0 / EVALUATIONS, share)
    steps = math.ceil(share * plan.steps)
    return max(1, steps)


def learning_rate(
    step: int, plan: Plan | None, peak: float, warmup: int = WARMUP_STEPS, shape: str = "cosine"
) -> float:
    """The learning rate of a step.

    Args:
        step: its number, from 0: the steps already taken.
        plan: the run; None if it has no plan yet: then there is the warm-up alone.
        peak: the highest rate.
        warmup: steps of the warm-up; it takes a tenth of the run, if that is less.
        shape: name of the schedule, see the top of this file.
    """
    # 1. The warm-up: a factor that rises from 0 to 1.
    if shape == "constant":
        return peak
    rise = (step + 1) / warmup
    if plan is None:
        return peak * min(1.0, rise)
    over_after = plan.over(step + 1)
    rise = max(rise, over_after / WARMUP_SHARE)
    rise = min(1.0, rise)

    # 2. The schedule: a factor that falls from 1.
    if shape == "inverse-root":
        warmup_steps = min(warmup, WARMUP_SHARE * plan.steps)
        fall = math.sqrt(warmup_steps / (step + 1))
        return peak * rise * min(1.0, fall)
    over = plan.over(step)
    if shape == "wsd":
        fall = (1.0 - over) / DECAY_SHARE
        return peak * rise * min(1.0, fall)
    cosine = math.cos(math.pi * over)
    return peak * rise * 0.5 * (1.0 + cosine)
