"""How long a run is and how its learning rate goes: warm-up, then a cosine (Loshchilov, Hutter 2017) down to zero, or
the inverse square root of the step (Vaswani et al. 2017).

A run's length is fixed once, in a `Plan`; from then on everything is a function of the step. With a time limit the
plan is made after some steps have been timed, and stays as it is, however fast the machine is later.
"""

from __future__ import annotations

import dataclasses
import math

WARMUP_STEPS = 100
WARMUP_SHARE = 0.2  # of a run is warm-up at the most
EVALUATIONS = 20
EVALUATION_SHARE = 0.06  # of a time limit
PROBE_STEPS = 20  # timed, at the least, before a time limit becomes a number of steps
PROBE_SECONDS, PROBE_SHARE = 2.0, 0.01  # so long, or such a share of the limit, if the warm-up is not over before
PROBE_MOST = 0.3  # of a time limit is spent on timing at the most


@dataclasses.dataclass(frozen=True)
class Plan:
    """The whole run: number of steps, of warm-up steps, of steps between evaluations, and where the cosine begins."""

    steps: int
    warmup: int
    evaluate_every: int
    decay_from: int


def plan_steps(steps: int, warmup: int = WARMUP_STEPS) -> Plan:
    """A run of a given number of steps, with about twenty evaluations, at least 100 steps apart."""
    every = min(steps, max(100, math.ceil(steps / EVALUATIONS)))
    warmup = min(warmup, max(1, steps // 10))
    return Plan(steps, warmup, every, decay_from=warmup)


def plan_time(
    seconds: float,
    step_seconds: float,
    evaluation_seconds: float,
    done: int,
    most: int | None,
    warmup: int = WARMUP_STEPS,
) -> Plan:
    """A run that ends after about `seconds` more, of which evaluations take a small share.

    Args:
        seconds: what is left of the time limit.
        step_seconds, evaluation_seconds: what one step and one evaluation were measured to take.
        done: steps already taken.
        most: limit on the number of steps, from `--steps` or `--epochs`.
        warmup: steps of warm-up; a short run has fewer, but never less than it needed to be timed.
    """
    evaluations = max(1, min(EVALUATIONS, int(EVALUATION_SHARE * seconds / max(evaluation_seconds, 1e-9))))
    steps = done + max(1, int((seconds - evaluations * evaluation_seconds) / step_seconds))
    steps = steps if most is None else min(steps, most)
    every = max(min(100, steps), math.ceil(steps / evaluations))
    warmup = min(warmup, max(WARMUP_STEPS, int(WARMUP_SHARE * steps)))
    return Plan(steps, warmup, every, decay_from=max(done, warmup) if warmup > WARMUP_STEPS else done)


def learning_rate(
    step: int, plan: Plan | None, peak: float, warmup: int = WARMUP_STEPS, shape: str = "cosine"
) -> float:
    """The rate of step 0, 1, ...: a linear warm-up, then half a cosine that reaches zero at the plan's end or, with the
    shape "inverse-root", the inverse square root of the step. Without a plan yet, the warm-up alone; with the shape
    "constant", always the peak."""
    if shape == "constant":
        return peak
    if plan is None:
        return peak * min(1.0, (step + 1) / warmup)
    if shape == "inverse-root":
        return peak * min((step + 1) / plan.warmup, math.sqrt(plan.warmup / (step + 1)))
    progress = max(0, step - plan.decay_from) / max(1, plan.steps - plan.decay_from)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return peak * min(1.0, (step + 1) / plan.warmup) * cosine
