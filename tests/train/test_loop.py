"""The training loop, driven with a task small enough to follow by hand: a straight line through points."""

from __future__ import annotations

import dataclasses
import itertools
import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnntext.errors import CheckpointError, DivergedError
from rnntext.families import CHARLM
from rnntext.settings.charlm import CharlmTraining
from rnntext.train import divergence, loop, schedule
from rnntext.train.loop import Loop
from rnntext.watch.observer import Observer

ALWAYS_ONE = itertools.repeat(-1.0)


class Line:
    """A task. Its carried state counts the steps since the epoch began; `scale` multiplies the loss of a step, and
    `scores` are what the evaluations say, one after another."""

    family = dataclasses.replace(CHARLM, metric="bits")
    usual_loss = 0.0
    steps_per_epoch, units_per_step, accumulate = 4, 8, 1
    signature = (tf.TensorSpec([8, 3]), tf.TensorSpec([8, 1]), tf.TensorSpec([]))

    def __init__(self, scale=lambda step: 1.0, scores=ALWAYS_ONE) -> None:
        self.model = keras.Sequential([keras.Input([3]), keras.layers.Dropout(0.3), keras.layers.Dense(1)])
        for variable in self.model.trainable_variables:
            variable.assign(tf.ones(variable.shape))
        self.scale, self.scores, self.evaluated = scale, iter(scores), []

    def batch(self, step):
        x = np.random.default_rng([5, step]).normal(size=[8, 3]).astype(np.float32)
        return x, x @ np.float32([[1], [-2], [3]]), np.float32(self.scale(step))

    def start_state(self):
        return [tf.zeros([])]

    def loss(self, batch, carried):
        x, y, scale = batch
        return scale * tf.reduce_mean(tf.square(self.model(x, training=True) - y)), [carried[0] + 1.0]

    def evaluate(self, values):
        self.evaluated.append(values)
        return {"bits": -next(self.scores)}

    def examples(self):
        return []


class Log(Observer):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events, self.progress = [], []

    def start(self, parameters, step):
        self.events.append(("start", parameters, step))

    def step(self, progress):
        self.progress.append(progress)

    def evaluation(self, progress, metrics, best):
        self.events.append(("evaluation", progress.step, metrics["bits"], best))

    def save(self, step):
        self.events.append(("save", step))


@pytest.fixture
def start(tmp_path):
    """Makes a loop whose state is kept in a file of the test's own folder."""

    def make(task=None, name="state", observer=None, **options) -> Loop:
        config = CharlmTraining(**{"steps": 10, "learning_rate": 0.1, **options})
        return Loop(task or Line(), config, tmp_path / name, observer or Observer(), loop.time.monotonic())

    return make


@pytest.fixture
def often(monkeypatch):
    """Evaluates every second step."""
    plan = schedule.plan_steps
    monkeypatch.setattr(schedule, "plan_steps", lambda *a: dataclasses.replace(plan(*a), evaluate_every=2))


def never() -> bool:
    return False


def after(calls: int):
    """Asks to stop when asked for the n-th time."""
    counter = itertools.count(1)
    return lambda: next(counter) > calls


def numbers(arrays) -> list[np.ndarray]:
    return [np.asarray(a) for a in arrays]


def assert_identical(found, expected) -> None:
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(f, e)


# Length ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        ({"steps": 7}, 7),
        ({"steps": None, "epochs": 2}, 8),
        ({"steps": 7, "epochs": 1}, 4),
        ({"steps": 3, "epochs": 1}, 3),
    ],
)
def test_the_first_limit_to_be_reached_ends_the_run(start, budget, steps):
    run = start(**budget)
    assert run.run(never)
    assert run.position.step == steps
    assert run.optimizer.iterations.numpy() == steps


@pytest.fixture
def clock(monkeypatch):
    """A clock that only a task moves."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def timed(clock, step_seconds=0.25, evaluation_seconds=1.0, speed=lambda: 1.0) -> Line:
    """A task whose steps and evaluations take time, on a machine whose speed may change."""

    def tick(seconds, function):
        def ticking(*arguments):
            clock.now += seconds / speed()
            return function(*arguments)

        return ticking

    task = Line()
    task.batch, task.evaluate = tick(step_seconds, task.batch), tick(evaluation_seconds, task.evaluate)
    return task


def idle(run: Loop) -> Loop:
    """A loop whose steps compute nothing: only their number and their time matter."""
    run._learn = lambda batch, carried, step, part: (0.5, carried)
    return run


@pytest.mark.parametrize("evaluation_seconds", [0.0, 1.0, 6.0])
@pytest.mark.parametrize("step_seconds", [0.1, 1.0, 2.0])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("when", [10.0, 40.0, 70.0])
def test_a_time_limit_is_used_up_and_kept_whatever_the_machine_does(
    start, clock, step_seconds, evaluation_seconds, factor, when
):
    """The machine becomes faster or slower by a factor when some of the 100 seconds are over."""
    task = timed(clock, step_seconds, evaluation_seconds, speed=lambda: 1.0 if clock.now < when else 1.0 / factor)
    assert idle(start(task, steps=None, time_limit=100.0)).run(never)
    assert 92.0 <= clock.now <= 105.0


def test_a_time_limit_is_used_up_though_the_first_steps_were_slow(start, clock):
    task = timed(clock, step_seconds=0.1, speed=lambda: 0.3 if clock.now < 9 else 1.0)
    assert idle(start(task, steps=None, time_limit=1000.0, warmup=1000)).run(never)
    assert 970.0 < clock.now <= 1000.0


@pytest.mark.parametrize("stop", [20, 40, 195], ids=["soon", "later", "in the last tenth"])
def test_a_time_limit_counts_all_sessions(start, clock, stop):
    assert not start(timed(clock), steps=None, time_limit=60.0).run(after(stop))
    clock.now += 1000.0  # between sessions
    assert start(timed(clock), steps=None, time_limit=60.0).run(never)
    assert 1055.0 < clock.now <= 1060.0


def test_a_comparison_with_the_version_in_service_is_a_part_of_the_time_limit(start, clock):
    run = start(timed(clock, evaluation_seconds=3.0), steps=None, time_limit=60.0)
    run.extra_evaluations = 1.0
    assert run.run(never)
    assert 54.0 < clock.now <= 57.0


def test_the_rate_falls_to_zero_with_the_time_though_the_machine_slows_down(start, clock):
    log = Log()
    task = timed(clock, step_seconds=0.1, speed=lambda: 1.0 if clock.now < 50 else 0.25)
    idle(start(task, observer=log, steps=None, time_limit=100.0)).run(never)
    rates = {second: min(log.progress, key=lambda p: abs(p.seconds - second)).learning_rate for second in (25, 50, 75)}
    assert rates[25] == pytest.approx(0.1 * (0.5 + 0.25 * math.sqrt(2)), rel=0.05)
    assert rates[50] == pytest.approx(0.05, rel=0.05)
    assert rates[75] == pytest.approx(0.1 * (0.5 - 0.25 * math.sqrt(2)), rel=0.25)
    assert log.progress[-1].learning_rate < 0.001


def test_from_the_last_tenth_on_everything_is_a_function_of_the_step(start, clock):
    unbroken = start(timed(clock), name="unbroken", steps=None, time_limit=60.0)
    assert unbroken.run(never)
    began = clock.now
    first = start(timed(clock), steps=None, time_limit=60.0)
    assert not first.run(lambda: first.position.plan is not None and first.position.plan.final)
    assert clock.now - began < 57.0
    resumed = start(timed(clock, step_seconds=0.2), steps=None, time_limit=60.0)  # another machine
    assert resumed.run(never)
    assert resumed.position.step == unbroken.position.step
    assert_identical(numbers(resumed.variables), numbers(unbroken.variables))
    assert_identical(resumed.best, unbroken.best)


def test_a_machine_that_becomes_slow_in_the_last_tenth_ends_at_the_limit_all_the_same(start, clock):
    run = idle(start(timed(clock, speed=lambda: 1.0 if clock.now < 95.0 else 0.1), steps=None, time_limit=100.0))
    assert run.run(never)
    assert 98.0 < clock.now < 112.0  # ten seconds of it are the last evaluation
    assert run.position.plan.steps == run.position.step == run.position.evaluated


def test_when_the_time_is_over_after_an_evaluation_there_is_no_other_step(start, clock):
    task = timed(clock, step_seconds=1.0, evaluation_seconds=60.0)
    run = start(task, steps=None, time_limit=100.0)
    assert run.run(never)
    assert (len(task.evaluated), run.position.evaluated) == (1, run.position.step)
    assert clock.now < 90.0


def test_a_session_that_begins_with_a_slow_step_does_not_give_up(start, clock):
    first = start(timed(clock), steps=None, time_limit=100.0)
    assert not first.run(lambda: first.position.evaluated > 0 and clock.now > 70.0)
    slow = {"step": True}

    def speed():
        return 0.05 if slow.pop("step", False) else 1.0

    again = start(timed(clock, speed=speed), steps=None, time_limit=100.0)
    steps = again.position.step
    assert again.run(never)
    assert again.position.step > steps + 50
    assert 92.0 < clock.now <= 100.0


def test_a_pause_of_the_machine_near_the_end_does_not_end_the_run(start, clock):
    stalls = [20.0]

    def speed():
        return 0.01 if clock.now > 85.0 and stalls and stalls.pop() else 1.0

    assert idle(start(timed(clock, step_seconds=0.1, speed=speed), steps=None, time_limit=120.0)).run(never)
    assert 112.0 < clock.now <= 120.0


def test_patience_is_not_lost_because_a_warm_start_begins_well(start, monkeypatch):
    plan = schedule.plan_steps
    monkeypatch.setattr(schedule, "plan_steps", lambda *a: dataclasses.replace(plan(*a), evaluate_every=1))
    scores = [-1.0, -9.0, -8.0, -7.0, -6.0, -6.0, -6.0, -5.0]
    run = start(Line(scores=scores), steps=50, patience=2)
    run.warm, run.position.evaluate_at = True, 0
    assert run.run(never)
    assert (run.position.step, run.position.best_step) == (6, 0)


def test_a_limit_on_steps_holds_beside_a_time_limit(start, clock):
    run = start(timed(clock), steps=12, time_limit=1000.0)
    assert run.run(never)
    assert run.position.step == 12


def test_with_a_limit_on_steps_evaluations_follow_the_steps_and_not_the_time(start, clock):
    task = timed(clock, step_seconds=0.1, evaluation_seconds=0.1)
    assert start(task, steps=200, time_limit=10_000.0).run(never)
    assert 15 <= len(task.evaluated) <= 25


def test_a_run_whose_first_step_takes_longer_than_its_limit_ends_after_it(start, clock):
    run = start(timed(clock, step_seconds=50.0), steps=None, time_limit=10.0)
    assert run.run(never)
    assert run.position.step == run.position.evaluated == 1


@pytest.mark.parametrize("step_seconds", [0.1, 2.0])
def test_a_pause_comes_in_time_and_the_next_session_goes_on(start, clock, step_seconds):
    steps = []
    for _ in range(3):
        run = idle(start(timed(clock, step_seconds), steps=100_000))
        run.pause_after = 50.0
        assert not run.run(never)
        assert 49.0 <= clock.now <= 51.0
        clock.now = 0.0
        steps.append(run.position.step)
    assert steps == sorted(set(steps))


def test_no_evaluation_begins_that_would_end_after_the_pause(start, clock, monkeypatch):
    plan = schedule.plan_steps
    monkeypatch.setattr(schedule, "plan_steps", lambda *a: dataclasses.replace(plan(*a), evaluate_every=10))
    task = timed(clock, step_seconds=1.0, evaluation_seconds=30.0)
    run = start(task, steps=1000)
    run.pause_after = 50.0
    assert not run.run(never)
    assert (run.position.step, len(task.evaluated)) == (20, 1)
    again = start(timed(clock, 1.0), steps=1000)
    log = again.observer = Log()
    assert not again.run(after(3))
    assert log.events[1][:2] == ("evaluation", 20)


def test_a_session_takes_at_least_one_step(start, clock):
    run = start(timed(clock, step_seconds=5.0), steps=100)
    run.pause_after = 1.0
    assert not run.run(never)
    assert run.position.step == 1


# The step -------------------------------------------------------------------------------------------------------------


def test_the_carried_state_goes_from_step_to_step_and_begins_anew_with_each_epoch(start):
    run, counts = start(steps=10), []
    run.observer.step = lambda progress: counts.append(float(run.carried[0]))
    run.run(never)
    assert counts == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_the_averages_are_a_moving_average_that_forgets_its_beginning_faster(start, decay):
    run = start(average=decay)
    history, expected = [], run.variables[0].numpy()
    run.observer.step = lambda progress: history.append(run.variables[0].numpy())
    run.run(never)
    for step, value in enumerate(history):
        d = min(decay, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * value
    np.testing.assert_allclose(run.averages[0].numpy(), expected, rtol=1e-5)


def test_the_averages_are_what_is_evaluated(start):
    task = Line()
    run = start(task, average=0.9)
    run.run(never)
    assert_identical(task.evaluated[-1], numbers(run.averages))
    assert not np.array_equal(run.averages[0], run.variables[0])


def test_the_gradient_is_clipped_to_norm_one(start):
    run = start(Line(scale=lambda step: 1e6), steps=1)
    run.run(never)
    momenta = [v.numpy() for v in run.optimizer.variables if "momentum" in v.path]
    assert math.hypot(*np.concatenate([m.ravel() for m in momenta])) == pytest.approx(0.1, rel=1e-4)  # 1 - beta_1


def test_each_step_has_the_learning_rate_of_the_schedule(start):
    log = Log()
    start(observer=log, steps=40).run(never)  # a warm-up of four steps
    rates = [p.learning_rate for p in log.progress]
    assert rates[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1], rel=0.02)
    assert rates[20] == pytest.approx(0.05)


def test_it_learns_the_line(start):
    log = Log()
    start(observer=log, steps=60).run(never)
    assert log.progress[-1].loss < 0.6 * log.progress[0].loss


@pytest.mark.parametrize("seed", [0, 1, 2_147_484, 2**31 - 1])
def test_any_seed_that_the_config_allows_can_be_trained_with(start, seed):
    assert start(steps=2, seed=seed).run(never)


def test_another_seed_drops_other_units(start):
    losses = []
    for seed in 1, 2:
        log = Log()
        start(name=f"{seed}", observer=log, steps=1, seed=seed).run(never)
        losses.append(log.progress[0].loss)
    assert losses[0] != losses[1]


# Resuming -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [[0], [3], [4], [2, 5, 1]])
def test_an_interrupted_run_ends_bit_identical_to_an_unbroken_one(start, stops):
    unbroken = start(name="unbroken", steps=10)
    assert unbroken.run(never)
    for stop in stops:
        assert not start(steps=10).run(after(stop))
    resumed = start(steps=10)
    assert resumed.position.step == sum(stops)
    assert resumed.run(never)
    assert_identical(numbers(resumed.variables), numbers(unbroken.variables))
    assert_identical(resumed.best, unbroken.best)
    assert_identical(numbers(resumed.optimizer.variables), numbers(unbroken.optimizer.variables))
    assert resumed.position.smooth_loss == unbroken.position.smooth_loss


@pytest.mark.usefixtures("often")
def test_the_best_evaluation_before_an_interruption_is_remembered(start):
    task = Line(scores=[-1.0, -5.0])
    assert not start(task, steps=6).run(after(3))
    resumed = start(Line(scores=[-5.0, -5.0]), steps=6)
    assert resumed.run(never)
    assert_identical(resumed.best, task.evaluated[0])
    assert (resumed.position.best, resumed.position.best_step) == ({"bits": 1.0}, 2)


def test_a_finished_run_has_nothing_left_to_do(start):
    first = start()
    first.run(never)
    log = Log()
    again = start(observer=log)
    assert again.run(never)
    assert log.events == [("start", 4, 10)]
    assert_identical(again.best, first.best)


@pytest.mark.parametrize("damage", [lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"\xff" * len(d)])
def test_a_damaged_state_is_refused_with_the_way_out(start, tmp_path, damage):
    start().run(after(2))
    path = tmp_path / "state"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match="--fresh"):
        start()


def test_the_state_of_another_model_is_refused_with_the_way_out(start, tmp_path):
    task = Line()
    task.model = keras.Sequential([keras.Input([3]), keras.layers.Dense(2), keras.layers.Dense(1)])
    start(task).run(after(2))
    with pytest.raises(CheckpointError, match="--fresh"):
        start()


# Evaluations ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("often")
def test_the_weights_of_the_best_evaluation_are_kept(start):
    task = Line(scores=[-3.0, -1.0, -2.0, -1.0])
    run = start(task, steps=8)
    run.run(never)
    assert_identical(run.best, task.evaluated[1])
    assert (run.position.best, run.position.best_step) == ({"bits": 1.0}, 4)
    assert not np.array_equal(task.evaluated[1][0], task.evaluated[3][0])


@pytest.mark.usefixtures("often")
def test_observers_are_told_of_start_steps_evaluations_and_saves(start):
    log = Log()
    start(Line(scores=[-3.0, -1.0, -2.0]), observer=log, steps=5).run(never)
    assert [p.step for p in log.progress] == [1, 2, 3, 4, 5]
    assert [p.epoch for p in log.progress] == [0, 0, 0, 1, 1]
    assert log.events == [
        ("start", 4, 0),
        *[("evaluation", 2, 3.0, True), ("save", 2)],
        *[("evaluation", 4, 1.0, True), ("save", 4)],
        *[("evaluation", 5, 2.0, False), ("save", 5)],
    ]


def test_the_state_is_saved_from_time_to_time(start, clock):
    log = Log()
    start(timed(clock, step_seconds=50.0), observer=log).run(after(9))
    assert [event for event in log.events if event[0] == "save"] == [("save", 3), ("save", 6), ("save", 9), ("save", 9)]


# Divergence -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_run_and_is_never_saved(start, tmp_path, value):
    assert not start().run(after(3))
    good = (tmp_path / "state").read_bytes()
    with pytest.raises(DivergedError, match="step 6"):
        start(Line(scale=lambda step: value if step == 5 else 1.0)).run(never)
    assert (tmp_path / "state").read_bytes() == good


@pytest.mark.parametrize("score", [math.nan, -math.inf])
def test_a_held_out_score_that_is_not_finite_is_divergence(start, score):
    with pytest.raises(DivergedError):
        start(Line(scores=[score])).run(never)


@pytest.mark.parametrize("weight", [math.nan, 1e9])
def test_weights_that_no_checkpoint_may_have_are_divergence(start, monkeypatch, weight):
    task = Line()
    monkeypatch.setattr(task, "evaluate", lambda values: pytest.fail("evaluated"))
    running = start(task, steps=2, warmup=5)
    running.averages[0].assign(tf.fill(running.averages[0].shape, weight))
    with pytest.raises(DivergedError, match="not numbers, or far too large"):
        running.run(never)


def test_weights_from_which_nothing_can_be_computed_are_divergence(start, monkeypatch):
    def evaluate(values):
        raise CheckpointError("what the model computes are not numbers")

    task = Line()
    monkeypatch.setattr(task, "evaluate", evaluate)
    with pytest.raises(DivergedError, match="at step 1 what the model computes are not numbers; no version"):
        start(task, steps=1).run(never)


def test_a_loss_above_twice_its_start_is_divergence_after_the_warm_up(start):
    task = Line(scale=lambda step: 1.0 if step < 10 else 1e4)
    with pytest.raises(DivergedError, match=r"--learning-rate below 0\.001"):
        start(task, steps=200, learning_rate=0.001).run(never)
    assert start(task, name="short", steps=60, learning_rate=0.001).run(never)


def test_a_warm_start_may_lose_what_it_had_gained_but_not_more(start, tmp_path, monkeypatch):
    monkeypatch.setattr(divergence, "WARM_LOSS", 30.0)

    def task(most):
        return Line(scale=lambda step: 1e-6 if step == 0 else most)

    def warm(name, most):
        config = CharlmTraining(steps=60, learning_rate=0.0, warmup=5)
        return Loop(task(most), config, tmp_path / name, Observer(), loop.time.monotonic(), warm=True)

    assert warm("some", 1.0).run(never)
    with pytest.raises(DivergedError):
        warm("all", 1e3).run(never)
    with pytest.raises(DivergedError):
        start(task(1.0), name="cold", steps=60, learning_rate=0.0, warmup=5).run(never)


def test_the_state_is_saved_between_evaluations_as_often_as_wanted(tmp_path):
    for every, saves in ((0.0, 60), (3600.0, 1)):
        log = Log()
        config = CharlmTraining(steps=60)
        assert Loop(Line(), config, tmp_path / str(every), log, loop.time.monotonic(), save_every=every).run(never)
        assert len([event for event in log.events if event[0] == "save"]) == saves


# Several batches a step -----------------------------------------------------------------------------------------------


class Halves(Line):
    """Every batch of `Line`, in two halves."""

    accumulate = 2
    signature = (tf.TensorSpec([4, 3]), tf.TensorSpec([4, 1]), tf.TensorSpec([]))

    def __init__(self) -> None:
        super().__init__()
        self.model.layers[0].rate = 0.0  # masks of halves are not halves of masks

    def batch(self, index):
        x, y, scale = super().batch(index // 2)
        half = slice(0, 4) if index % 2 == 0 else slice(4, 8)
        return x[half], y[half], scale


def test_two_half_batches_make_the_same_step_as_a_whole_one(start):
    whole = Line()
    whole.model.layers[0].rate = 0.0
    first, second = start(whole, name="whole"), start(Halves(), name="halves")
    assert first.run(lambda: False)
    assert second.run(lambda: False)
    for one, other in zip(first.averages, second.averages, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)
    assert first.position.smooth_loss == pytest.approx(second.position.smooth_loss, rel=1e-5)
