"""How long a run is and how its learning rate goes: warm-up, then cosine (Loshchilov, Hutter 2017) down to zero.

A run's length is fixed once, in a `Plan`; from then on everything is a function of the step. With a time limit the
plan is made after some steps have been timed, and stays as it is, however fast the machine is later.
"""

from __future__ import annotations

import dataclasses
import math

WARMUP_STEPS = 100
EVALUATIONS = 20
EVALUATION_SHARE = 0.06  # of a time limit
PROBE_STEPS = 20  # timed before a time limit becomes a number of steps
PROBE_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """The whole run: number of steps, of warm-up steps, and of steps between evaluations."""

    steps: int
    warmup: int
    evaluate_every: int


def plan_steps(steps: int) -> Plan:
    """A run of a given number of steps, with about twenty evaluations, at least 100 steps apart."""
    every = min(steps, max(100, math.ceil(steps / EVALUATIONS)))
    return Plan(steps, min(WARMUP_STEPS, max(1, steps // 10)), every)


def plan_time(seconds: float, step_seconds: float, evaluation_seconds: float, done: int, most: int | None) -> Plan:
    """A run that ends after about `seconds` more, of which evaluations take a small share.

    Args:
        seconds: what is left of the time limit.
        step_seconds, evaluation_seconds: what one step and one evaluation were measured to take.
        done: steps already taken.
        most: limit on the number of steps, from `--steps` or `--epochs`.
    """
    evaluations = max(1, min(EVALUATIONS, int(EVALUATION_SHARE * seconds / max(evaluation_seconds, 1e-9))))
    steps = done + max(1, int((seconds - evaluations * evaluation_seconds) / step_seconds))
    steps = steps if most is None else min(steps, most)
    every = max(min(100, steps), math.ceil(steps / evaluations))
    return Plan(steps, min(WARMUP_STEPS, max(done, steps // 10)), every)


def learning_rate(step: int, plan: Plan | None, peak: float) -> float:
    """The rate of step 0, 1, ...: linear to `peak` over the warm-up, then half a cosine to zero at the plan's end."""
    warmup = WARMUP_STEPS if plan is None else plan.warmup
    if step < warmup or plan is None:
        return peak * min(1.0, (step + 1) / warmup)
    progress = (step - warmup) / max(1, plan.steps - warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
