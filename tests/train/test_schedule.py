"""Length of a run and course of its learning rate."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnntext.train.schedule import FINAL, WARMUP_SHARE, Plan, first_evaluation, learning_rate, plan_steps, plan_time

PLAN = plan_steps(1000)  # 100 steps of warm-up


def test_the_warm_up_is_linear_and_ends_after_so_many_steps():
    rates = [learning_rate(step, plan_steps(10**9), 2.0, warmup=100) for step in (0, 24, 49, 99)]
    assert rates == pytest.approx([0.02, 0.5, 1.0, 2.0])


def test_a_tenth_of_a_short_run_is_warm_up():
    rates = [learning_rate(step, plan_steps(50), 1.0, warmup=1000) for step in range(6)]
    cosine = [0.5 * (1 + math.cos(math.pi * step / 50)) for step in range(6)]
    assert rates == pytest.approx([0.2 * cosine[0], 0.4 * cosine[1], 0.6 * cosine[2], 0.8 * cosine[3], *cosine[4:]])


def test_a_run_of_one_step_takes_it_at_the_full_rate():
    assert learning_rate(0, plan_steps(1), 0.5, warmup=1000) == 0.5


def test_after_the_warm_up_the_rate_is_half_a_cosine_down_to_zero():
    rates = [learning_rate(step, PLAN, 2.0) for step in (250, 500, 750, 1000)]
    assert rates == pytest.approx([1 + math.cos(math.pi / 4), 1.0, 1 - math.cos(math.pi / 4), 0.0])


def test_the_rate_stays_zero_beyond_the_end():
    assert learning_rate(5000, PLAN, 2.0) == pytest.approx(0.0)


def test_without_a_plan_the_rate_warms_up_and_waits_at_the_peak():
    assert [learning_rate(step, None, 1.0) for step in (0, 49, 99, 400)] == pytest.approx([0.01, 0.5, 1.0, 1.0])


def test_an_inverse_root_falls_from_the_end_of_the_warm_up():
    rates = [learning_rate(step, PLAN, 1.0, 100, "inverse-root") for step in (49, 99, 399)]
    assert rates == pytest.approx([0.5, 1.0, 0.5])


def test_with_wsd_the_rate_stays_until_a_fifth_is_left_and_falls_in_a_line():
    rates = [learning_rate(step, PLAN, 2.0, 100, "wsd") for step in (49, 99, 500, 800, 850, 900, 1000)]
    assert rates == pytest.approx([1.0, 2.0, 2.0, 2.0, 1.5, 1.0, 0.0])


def test_a_constant_rate_is_the_peak_from_the_first_step_to_the_last():
    assert {
        learning_rate(step, plan, 0.1, 100, "constant") for step in range(50) for plan in (None, plan_steps(50))
    } == {0.1}


@pytest.mark.parametrize(("steps", "every"), [(1, 1), (99, 99), (250, 100), (2000, 100), (2001, 101), (40_000, 2000)])
def test_a_run_is_evaluated_about_twenty_times_at_least_100_steps_apart(steps, every):
    assert (plan_steps(steps).steps, plan_steps(steps).evaluate_every) == (steps, every)


@given(steps=st.integers(1, 3000))
def test_the_rate_of_a_planned_run_never_jumps(steps):
    plan = plan_steps(steps)
    rates = [learning_rate(step, plan, 1.0) for step in range(steps + 1)]
    course = [abs(b - a) for a, b in itertools.pairwise(rates)]
    assert max(course) <= max(1 / 100, 10 / steps, math.pi / 2 / steps) + 1e-9
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)


# A time limit ---------------------------------------------------------------------------------------------------------

seconds = st.floats(1e-3, 1e3)


@given(left=st.floats(-10, 1e5), step=seconds, evaluation=seconds, done=st.integers(3, 500), more=st.integers(1, 10**6))
def test_a_planned_time_is_kept_and_never_exceeds_the_most_steps(left, step, evaluation, done, more):
    plan = plan_time(None, done, left, step, evaluation, time_limit=1e5, max_steps=done + more)
    assert done < plan.steps <= done + more
    evaluations = (plan.steps - done - 1) // plan.evaluate_every  # between the steps; the last one is not meant
    least = step  # however little time is left, there is one more step
    assert (plan.steps - done) * step + evaluations * evaluation <= max(left, least) * (1 + 1e-9)


def test_an_hour_is_filled_with_steps_and_twenty_evaluations():
    plan = plan_time(None, 100, seconds=3600, step_seconds=0.5, evaluation_seconds=3, time_limit=3650, max_steps=None)
    assert plan.steps == pytest.approx(100 + (3600 - 20 * 3) * 2, rel=0.01)
    assert plan.evaluate_every == pytest.approx(7200 / 20, rel=0.02)


def test_slow_evaluations_are_fewer():
    plan = plan_time(None, 100, seconds=1000, step_seconds=0.1, evaluation_seconds=20, time_limit=1000, max_steps=None)
    assert math.ceil(plan.steps / plan.evaluate_every) * 20 <= 0.06 * 1000 + 20


@given(step=st.floats(1e-3, 10), done=st.integers(4, 100), before=st.floats(0.0, 0.89), speed=st.floats(0.1, 10))
def test_a_new_plan_goes_on_from_the_share_that_is_over(step, done, before, speed):
    old = Plan(2 * done, 10, 0, before, final=False)
    new = plan_time(old, done, 60.0, step * speed, 0.1, time_limit=100.0, max_steps=None)
    assert new.over(done) == old.over(done)
    assert new.over(new.steps) == 1.0
    if new.over(done) > WARMUP_SHARE:
        assert learning_rate(done, new, 1.0) == pytest.approx(learning_rate(done, old, 1.0), abs=1e-9)


def test_the_number_of_steps_is_fixed_when_a_tenth_of_the_run_is_left():
    old = Plan(1000, 10, final=False)
    kinds = {}
    for done in (800, 890, 910, 999):
        kinds[done] = plan_time(old, done, 50.0, 0.5, 0.1, time_limit=500.0, max_steps=None).final
    assert kinds == {800: False, 890: False, 910: True, 999: True}
    assert FINAL == 0.9


@pytest.mark.parametrize(("limit", "share"), [(30.0, 0.2), (300.0, 0.2), (360.0, 1 / 6), (3600.0, 0.05)])
def test_the_first_evaluation_comes_after_a_minute_or_a_fifth_of_the_limit_and_not_before_a_twentieth(limit, share):
    assert first_evaluation(plan_steps(6000), limit) == pytest.approx(6000 * share, abs=1)
