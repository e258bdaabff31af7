"""How long a run is, and how its learning rate goes: a warm-up, and half a cosine (Loshchilov, Hutter 2017) down to
zero; or the same rate until a fifth of the run is left, and a line down to zero (warm-up, stable, decay: Hu et al.
2024); or the inverse square root of the step (Vaswani et al. 2017).

A limit in steps is known from the start. A time limit is not: how many steps fit into it is measured again and again,
and the rate follows the share of the run that is over, so that a machine that becomes slower or faster bends the curve
and does not cut it off. In the last tenth the number of steps stays as it is: from there on everything is a function of
the step.
"""

from __future__ import annotations

import dataclasses
import math

WARMUP_STEPS = 100
WARMUP_SHARE = 0.1  # of a run is warm-up at the most
EVALUATIONS = 20
EVALUATION_SHARE = 0.06  # of a time limit
FIRST_SHARE, FIRST_SECONDS = 0.2, 60.0  # of a time limit are over at the first evaluation, whichever comes first
DECAY = 0.2  # of a run, with the shape "wsd"
FINAL = 0.9  # share of a run after which its number of steps is fixed
BUDGET = 0.985  # of a time limit is planned for; the rest is for a machine that slows down at the very end


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
        """The share of the run, 0 to 1, that is over after `step` steps."""
        share = (step - self.since) / max(1, self.steps - self.since)
        return self.progress + (1.0 - self.progress) * min(1.0, share)


def plan_steps(steps: int) -> Plan:
    """A run of a given number of steps, with about twenty evaluations, at least 100 steps apart."""
    return Plan(steps, evaluate_every=min(steps, max(100, math.ceil(steps / EVALUATIONS))))


def plan_time(
    before: Plan | None,
    done: int,
    seconds: float,
    step_seconds: float,
    evaluation_seconds: float,
    limit: float,
    most: int | None,
) -> Plan:
    """A run that ends after about `seconds` more, of which evaluations take a small share.

    Args:
        before: the plan so far.
        done: steps already taken.
        seconds: what is left of the time limit for steps and the evaluations between them.
        step_seconds, evaluation_seconds: what one step and one evaluation were measured to take, a save included.
        limit: the time limit.
        most: limit on the number of steps, from `--steps` or `--epochs`.
    """
    share = max(1.0 / EVALUATIONS, evaluation_seconds / (EVALUATION_SHARE * limit))  # of the run between evaluations
    # `left` steps of a run of about `whole` steps have left / (share * whole) evaluations between them.
    progress = before.over(done) if before else None
    guess = seconds / step_seconds
    whole = done + guess if progress is None else guess / max(1e-9, 1.0 - progress)
    whole = max(done + 1.0, whole if most is None else min(whole, most))
    left = max(1, int(seconds / (step_seconds + evaluation_seconds / max(1.0, share * whole))))
    steps = done + left if most is None else min(done + left, most)
    progress = done / steps if progress is None else progress
    return Plan(steps, max(1, math.ceil(share * whole)), done, progress, final=progress >= FINAL)


def first_evaluation(plan: Plan, limit: float) -> int:
    """Steps until the first evaluation of a run with a time limit. It is the most expensive one, since an untrained
    model's answers do not end, and tells the least; but what the others will take is known only after it."""
    share = max(1.0 / EVALUATIONS, min(FIRST_SHARE, FIRST_SECONDS / limit))
    return max(1, math.ceil(share * plan.steps))


def learning_rate(
    step: int, plan: Plan | None, peak: float, warmup: int = WARMUP_STEPS, shape: str = "cosine"
) -> float:
    """The rate of step 0, 1, ...: a linear warm-up over `warmup` steps, or a tenth of the run if that is less, times
    half a cosine that reaches zero at the run's end. With the shape "wsd" the rate stays at its peak until a fifth of
    the run is left, then falls in a line to zero; with "inverse-root" it falls with the inverse square root of the
    step; with "constant" it is always the peak. Without a plan yet, the warm-up alone."""
    if shape == "constant":
        return peak
    if plan is None:
        return peak * min(1.0, (step + 1) / warmup)
    rise = min(1.0, max((step + 1) / warmup, plan.over(step + 1) / WARMUP_SHARE))
    if shape == "inverse-root":
        return peak * rise * min(1.0, math.sqrt(min(warmup, WARMUP_SHARE * plan.steps) / (step + 1)))
    if shape == "wsd":
        return peak * rise * min(1.0, (1.0 - plan.over(step)) / DECAY)
    return peak * rise * 0.5 * (1.0 + math.cos(math.pi * plan.over(step)))
