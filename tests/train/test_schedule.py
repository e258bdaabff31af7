"""Length of a run and course of its learning rate."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnntext.train.schedule import WARMUP_STEPS, learning_rate, plan_steps, plan_time

PLAN = plan_steps(1100)  # 100 steps of warm-up


def test_the_warm_up_is_linear_and_ends_at_the_peak():
    assert [learning_rate(step, PLAN, 2.0) for step in (0, 24, 49, 99)] == pytest.approx([0.02, 0.5, 1.0, 2.0])


def test_after_the_warm_up_the_rate_is_half_a_cosine_down_to_zero():
    rates = [learning_rate(100 + step, PLAN, 2.0) for step in (0, 250, 500, 750, 1000)]
    assert rates == pytest.approx([2.0, 1 + math.cos(math.pi / 4), 1.0, 1 - math.cos(math.pi / 4), 0.0])


def test_the_rate_stays_zero_beyond_the_end():
    assert learning_rate(5000, PLAN, 2.0) == pytest.approx(0.0)


def test_without_a_plan_the_rate_warms_up_and_waits_at_the_peak():
    assert [learning_rate(step, None, 1.0) for step in (0, 49, 99, 400)] == pytest.approx([0.01, 0.5, 1.0, 1.0])


@pytest.mark.parametrize(("steps", "warmup"), [(1, 1), (9, 1), (50, 5), (999, 99), (1000, 100), (50_000, 100)])
def test_a_tenth_of_a_short_run_is_warm_up(steps, warmup):
    assert plan_steps(steps).warmup == warmup


@pytest.mark.parametrize(("steps", "every"), [(1, 1), (99, 99), (250, 100), (2000, 100), (2001, 101), (40_000, 2000)])
def test_a_run_is_evaluated_about_twenty_times_at_least_100_steps_apart(steps, every):
    assert (plan_steps(steps).steps, plan_steps(steps).evaluate_every) == (steps, every)


seconds = st.floats(1e-3, 1e3)


@given(
    limit=st.floats(-10, 1e5), step=seconds, evaluation=seconds, done=st.integers(3, 500), left=st.integers(1, 10**6)
)
def test_a_planned_time_is_kept_and_never_exceeds_the_most_steps(limit, step, evaluation, done, left):
    plan = plan_time(limit, step, evaluation, done, most=done + left)
    assert done < plan.steps <= done + left
    assert 1 <= plan.evaluate_every <= plan.steps
    assert 1 <= plan.warmup <= WARMUP_STEPS
    evaluations = math.ceil(plan.steps / plan.evaluate_every) - done // plan.evaluate_every
    least = step + evaluation  # however little time is left, there is one more step, and its evaluation
    assert (plan.steps - done) * step + evaluations * evaluation <= max(limit, least) * (1 + 1e-9)


def test_an_hour_is_filled_with_steps_and_twenty_evaluations():
    plan = plan_time(seconds=3600, step_seconds=0.5, evaluation_seconds=3, done=100, most=None)
    assert plan.steps == 100 + (3600 - 20 * 3) * 2
    assert (plan.warmup, plan.evaluate_every) == (100, math.ceil(7180 / 20))


def test_slow_evaluations_are_fewer():
    plan = plan_time(seconds=1000, step_seconds=0.1, evaluation_seconds=20, done=100, most=None)
    assert math.ceil(plan.steps / plan.evaluate_every) * 20 <= 0.06 * 1000


@given(step=st.floats(1e-3, 10), done=st.integers(23, 100))
def test_the_rate_does_not_jump_when_a_time_limit_becomes_a_plan(step, done):
    plan = plan_time(seconds=60, step_seconds=step, evaluation_seconds=0.1, done=done, most=None)
    before, after = learning_rate(done - 1, None, 1.0), learning_rate(done, plan, 1.0)
    assert abs(after - before) < 0.05


@given(steps=st.integers(1, 3000))
def test_the_rate_of_a_planned_run_never_jumps(steps):
    plan = plan_steps(steps)
    rates = [learning_rate(step, plan, 1.0) for step in range(steps + 1)]
    course = [abs(b - a) for a, b in itertools.pairwise(rates)]
    assert max(course) <= max(1 / plan.warmup, math.pi / 2 / max(1, steps - plan.warmup)) + 1e-9
    assert rates[-1] == pytest.approx(0.0, abs=1e-12) or steps == plan.warmup


def test_a_constant_rate_is_the_peak_from_the_first_step_to_the_last():
    assert {
        learning_rate(step, plan, 0.1, 100, "constant") for step in range(50) for plan in (None, plan_steps(50))
    } == {0.1}
