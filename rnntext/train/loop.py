"""The one training loop, for every model."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from rnntext.config import JobConfig, TrainingConfig
from rnntext.errors import CheckpointError, DivergedError
from rnntext.storage.checkpoint import MOST_WEIGHT
from rnntext.train import schedule, state
from rnntext.train.observer import Observer, Progress
from rnntext.train.optimizer import Adam
from rnntext.train.state import Position

CLIP = 1.0  # global norm of the gradient
FIRST = 3  # steps of a session that are no measure of the others: graphs are made, memory is taken
ENOUGH = 5  # steps, or ...
RECENT_SHARE = 0.02  # ... share of a time limit, that must be timed before there is a plan, and are remembered
RECENT, MOST_RECENT = 10, 200  # steps at the least and at the most that the time of a step is measured over
DRAWS = 256  # most masks that a layer draws for one batch
GRACE = 2.0  # seconds that a session may end late
SMOOTHING = 0.98  # of the training loss that is shown and watched
WARM_LOSS = 2.0  # nats per unit: a warm start, however good, may lose so much again


class Task(Protocol):
    """What the loop must know of a model and its data."""

    model: keras.Model
    steps_per_epoch: int
    units_per_step: float  # characters or tokens, on average
    accumulate: int  # batches that make a step
    signature: tuple[tf.TensorSpec, ...]  # types and shapes of a batch's arrays; None where they vary

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        """The arrays of batch 0, 1, ...; a function of its number alone. A step takes `accumulate` of them."""
        ...

    def start_state(self) -> list[tf.Tensor]:
        """What is carried from step to step, as it is at the start of an epoch; may be empty."""
        ...

    def loss(self, batch: tuple[tf.Tensor, ...], carried: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Mean loss in nats per unit (scalar), and what is carried on."""
        ...

    def evaluate(self, values: list[np.ndarray]) -> dict[str, float]:
        """Metrics on held-out data, computed by `run/`, with `values` for the trainable variables."""
        ...

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """Higher is better; what comes later breaks ties."""
        ...

    def examples(self) -> list[str]:
        """Lines that show what the model did at the last evaluation; may be empty."""
        ...


class Loop:
    """Trains a task until its plan ends; resumes from `path`, where it also saves.

    Args:
        task: model and data.
        config: budget, rates and seed.
        path: file of the run's state.
        observer: is told what happens.
        began: `time.monotonic()` when the job began; a time limit counts from there.
        save_every: seconds between two saves, beside those after evaluations.
        pause_after: seconds after which this session ends, to be continued by another one.
        warm: the model has learnt before: its weights are the first candidate for the best ones, and a loss that is
            small at the start may grow to `WARM_LOSS` without being divergence.
        compared: evaluations that follow the run, of the version in service; a time limit includes them.
    """

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        path: Path,
        observer: Observer,
        began: float,
        save_every: float = JobConfig.save_every,
        pause_after: float | None = None,
        warm: bool = False,
        compared: float = 0.0,
    ) -> None:
        self.task, self.config, self.path, self.observer = task, config, path, observer
        self.save_every, self.pause_after, self.warm, self.compared = save_every, pause_after, warm, compared
        self.variables = task.model.trainable_variables
        self.averages = [tf.Variable(v.value, trainable=False) for v in self.variables]
        self.optimizer = Adam(config.learning_rate, beta_2=config.beta_2, global_clipnorm=CLIP)
        self.optimizer.build(self.variables)
        self.carried = task.start_state()
        self.best: list[np.ndarray] = []
        self.position = Position(evaluate_at=0 if warm else None)
        carried = [tf.TensorSpec(c.shape, c.dtype) for c in self.carried]
        signature = (tuple(task.signature), carried, tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32))
        self._sums = [tf.Variable(tf.zeros(v.shape)) for v in self.variables] if task.accumulate > 1 else []
        self._learn = tf.function(self._learn_graph, input_signature=signature, autograph=False)
        self._apply = tf.function(self._apply_graph, input_signature=signature[2:3], autograph=False)
        self._began, self._saved = began, time.monotonic()
        self._save_seconds = 0.0
        self._times: deque[float] = deque()  # of late steps, but the first ones of this session
        self._times_sum = 0.0
        self._steps = 0  # of this session
        self._replan_at = 0
        self._resume()

    # The step ---------------------------------------------------------------------------------------------------------

    def _learn_graph(
        self, batch: tuple[tf.Tensor, ...], carried: list[tf.Tensor], step: tf.Tensor, part: tf.Tensor
    ) -> Any:
        """One batch: a whole step, or a part of one, whose gradients are added up."""
        self._seed_dropout(step, part)
        with tf.GradientTape() as tape:
            loss, carried = self.task.loss(batch, carried)
        gradients = tape.gradient(loss, [v.value for v in self.variables])
        if self.task.accumulate == 1:
            self._change(gradients, step)
        else:
            for total, gradient in zip(self._sums, gradients, strict=True):
                total.assign_add(tf.convert_to_tensor(gradient) / self.task.accumulate)
        return loss, carried

    def _apply_graph(self, step: tf.Tensor) -> None:
        """The end of a step of several batches."""
        self._change([total.read_value() for total in self._sums], step)
        for total in self._sums:
            total.assign(tf.zeros_like(total))

    def _change(self, gradients: list[tf.Tensor], step: tf.Tensor) -> None:
        """Adam's update of the weights, and their average."""
        self.optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients], self.variables)
        # The average forgets its random beginning faster than `average` alone would (as in TensorFlow's own EMA).
        done = tf.cast(step, tf.float32)
        decay = tf.minimum(self.config.average, (1.0 + done) / (10.0 + done))
        for average, variable in zip(self.averages, self.variables, strict=True):
            average.assign_add((1.0 - decay) * (variable.value - average))

    def _seed_dropout(self, step: tf.Tensor, part: tf.Tensor) -> None:
        """Makes every dropout mask a function of (seed, layer, step), so that a resumed run draws the same ones."""
        generators = [g for layer in self.task.model._flatten_layers() if (g := getattr(layer, "seed_generator", None))]
        for index, generator in enumerate(generators):
            seed = (self.config.seed * 1000 + index) % 2**31
            # A layer that draws several masks in a step counts its state up by one each time.
            draw = (tf.cast(step, tf.int64) * self.task.accumulate + tf.cast(part, tf.int64)) * DRAWS
            generator.state.assign(tf.cast(tf.stack([tf.constant(seed, tf.int64), draw]), generator.state.dtype))

    def step(self) -> Progress:
        """Takes one step.

        Raises:
            DivergedError: see `_watch`.
        """
        position, started = self.position, time.monotonic()
        step = position.step
        if step % self.task.steps_per_epoch == 0:
            self.carried = self.task.start_state()
        config = self.config
        rate = schedule.learning_rate(step, position.plan, config.learning_rate, config.warmup, config.schedule)
        self.optimizer.learning_rate.assign(rate)
        parts = self.task.accumulate
        value = 0.0
        for part in range(parts):
            batch = self.task.batch(step * parts + part)
            loss, self.carried = self._learn(batch, self.carried, tf.constant(step), tf.constant(part))
            value += float(loss) / parts
        if parts > 1:
            self._apply(tf.constant(step))
        self._watch(value)
        position.step += 1
        self._steps += 1
        if self._steps > FIRST:
            self._note_time(time.monotonic() - started)
        return self._progress(rate)

    def _note_time(self, seconds: float) -> None:
        self._times.append(seconds)
        self._times_sum += seconds
        while len(self._times) > RECENT and (len(self._times) > MOST_RECENT or self._times_sum > self._window()):
            self._times_sum -= self._times.popleft()

    def _window(self) -> float:
        return RECENT_SHARE * (self.config.time_limit or 0.0)

    def _watch(self, loss: float) -> None:
        """Raises DivergedError for a loss that is NaN, infinite, or (after the warm-up) above twice its start."""
        p = self.position
        p.first_loss = max(loss, WARM_LOSS * self.warm) if p.first_loss is None else p.first_loss
        p.smooth_loss = loss if p.smooth_loss is None else SMOOTHING * p.smooth_loss + (1 - SMOOTHING) * loss
        start = max(p.first_loss, getattr(self.task, "usual_loss", 0.0))  # a first batch may be easier than most
        if not math.isfinite(loss) or (p.step >= self.config.warmup and p.smooth_loss > 2 * start):
            raise DivergedError(
                f"training diverged at step {p.step + 1} (loss {loss:.4g}, at the start {start:.4g}); "
                f"no version was written: try a --learning-rate below {self.config.learning_rate:g}"
            )

    def _progress(self, rate: float) -> Progress:
        p = self.position
        step_seconds = self._step_seconds()
        return Progress(
            step=p.step,
            steps=p.plan.steps if p.plan else None,
            epoch=p.step // self.task.steps_per_epoch,
            seconds=self.seconds(),
            rate=self.task.units_per_step / step_seconds if step_seconds else 0.0,
            loss=p.smooth_loss or 0.0,
            learning_rate=rate,
        )

    # The run ----------------------------------------------------------------------------------------------------------

    def run(self, stopped: Callable[[], bool]) -> bool:
        """Trains to the plan's end. Before every step it asks `stopped`, and whether `pause_after` leaves time for what
        comes next; if not, it saves and returns False.

        Raises:
            DivergedError: see `_watch`; nothing is saved after the last good state.
        """
        self.observer.start(sum(math.prod(v.shape) for v in self.variables), self.position.step)
        progress = self._progress(0.0)
        while not self._finished():
            due = self._evaluation_due()
            if stopped() or self._must_pause(due):
                self.save()
                return False
            if due:
                self._evaluate(progress)
                self.save()
                continue
            self._make_plan()
            if self._finished() or self._evaluation_due():  # the plan says that the run ends here
                continue
            progress = self.step()
            self.observer.step(progress)
            if time.monotonic() - self._saved >= self.save_every and not self._evaluation_due():
                self.save()
        return True

    def _finished(self) -> bool:
        """Whether all steps are done, and the last one is evaluated."""
        p = self.position
        return p.plan is not None and p.step >= p.plan.steps and p.evaluated == p.step

    def _evaluation_due(self) -> bool:
        p = self.position
        due = p.evaluate_at is not None and p.step >= p.evaluate_at
        return p.evaluated != p.step and (due or (p.plan is not None and p.step >= p.plan.steps))

    def _must_pause(self, evaluation: bool) -> bool:
        """Whether more than half of a step or an evaluation, or more than GRACE seconds, would be too late. A session
        takes at least one step."""
        if self.pause_after is None or not self._steps:
            return False
        needed = self._evaluation_seconds() if evaluation else self._step_seconds()
        late = time.monotonic() - self._began + needed + self._save_seconds - self.pause_after
        return late > min(GRACE, needed / 2)

    def _evaluate(self, progress: Progress) -> None:
        started = time.monotonic()
        values = [a.numpy() for a in self.averages]
        metrics = self._score(values)
        rank = self.task.rank(metrics)
        if not all(math.isfinite(value) for value in rank):
            raise DivergedError(
                f"the held-out score at step {self.position.step} is not a number; no version was written"
            )
        p = self.position
        best = p.best is None or rank > self.task.rank(p.best)
        if best:
            self.best, p.best, p.best_step = values, metrics, p.step
        if p.step:  # what a warm start begins with is no reason to lose patience
            better = p.best_trained is None or rank > self.task.rank(p.best_trained)
            p.best_trained = metrics if better else p.best_trained
            p.stale = 0 if better else p.stale + 1
        p.evaluated = p.step
        p.evaluation_seconds, p.evaluation_step_seconds = time.monotonic() - started, self._step_seconds()
        p.evaluate_at = p.step + p.plan.evaluate_every if p.plan else None
        self.observer.evaluation(progress, metrics, best)
        self.observer.examples(self.task.examples())
        if p.plan is not None and p.stale == self.config.patience:
            p.plan = dataclasses.replace(p.plan, steps=p.step)  # the run ends here

    def _score(self, values: list[np.ndarray]) -> dict[str, float]:
        if not all(np.abs(value).max(initial=0) <= MOST_WEIGHT for value in values):  # false for NaN, too
            raise DivergedError(
                f"the weights at step {self.position.step} are not numbers, or far too large; no version was written"
            )
        try:
            return self.task.evaluate(values)
        except CheckpointError as error:  # weights from which nothing can be computed
            raise DivergedError(f"at step {self.position.step} {error}; no version was written") from error

    # The plan ---------------------------------------------------------------------------------------------------------

    def seconds(self) -> float:
        """Time spent on this run, over all sessions."""
        return self.position.seconds + time.monotonic() - self._began

    def _step_seconds(self) -> float:
        """What a step takes now, the slowest of the late ones left out, as it may have been an accident; 0 if none was
        measured in this session."""
        if len(self._times) < 2:
            return self._times_sum
        return (self._times_sum - max(self._times)) / (len(self._times) - 1)

    def _evaluation_seconds(self) -> float:
        """What an evaluation would take now: what the last one took, on a machine that has slowed down as much as the
        steps tell."""
        p, step_seconds = self.position, self._step_seconds()
        known = step_seconds > 0 and p.evaluation_step_seconds > 0
        return p.evaluation_seconds * (step_seconds / p.evaluation_step_seconds if known else 1.0)

    def _make_plan(self) -> None:
        """Fixes the number of steps: at once if it is given, or, with a time limit, as far as it can be known."""
        p = self.position
        limits = [self.config.steps, self.config.epochs and self.config.epochs * self.task.steps_per_epoch]
        most = min((limit for limit in limits if limit is not None), default=None)
        if self.config.time_limit is not None:
            self._plan_time(self.config.time_limit, most)
        elif p.plan is None:
            assert most is not None
            p.plan = schedule.plan_steps(most)
        if p.plan is None:
            return
        if self.config.time_limit is not None and p.evaluated < 0:
            p.evaluate_at = schedule.first_evaluation(p.plan, self.config.time_limit)
        elif p.evaluate_at is None:
            p.evaluate_at = p.step + p.plan.evaluate_every

    def _plan_time(self, limit: float, most: int | None) -> None:
        p = self.position
        step_seconds = self._step_seconds()
        left = limit - self.seconds() - self._closing_seconds()
        if p.step and left < step_seconds:  # the time is over, whatever the plan was
            ended = p.plan or schedule.plan_steps(p.step)
            p.plan = dataclasses.replace(ended, steps=p.step, final=True)
        elif p.plan is None and most is not None and p.step >= most:
            p.plan = schedule.plan_steps(most)
        elif self._timed_enough() and p.step >= self._replan_at and not (p.plan and p.plan.final):
            spare = (1.0 - schedule.BUDGET) * limit
            evaluation = self._evaluation_seconds() + self._save_seconds
            p.plan = schedule.plan_time(p.plan, p.step, left - spare, step_seconds, evaluation, limit, most)
            self._replan_at = p.step + max(1, (p.plan.steps - p.step) // schedule.EVALUATIONS)

    def _timed_enough(self) -> bool:
        return len(self._times) >= ENOUGH or self._times_sum > self._window() > 0

    def _closing_seconds(self) -> float:
        """What comes after the last step: its evaluation, that of the version in service, a save, and a version."""
        return (1.0 + self.compared) * self._evaluation_seconds() + 2 * self._save_seconds

    # The state --------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes all that a resume needs."""
        started = time.monotonic()
        position = dataclasses.replace(self.position, seconds=self.seconds())
        groups = {
            "weights": self.variables,
            "averages": self.averages,
            "optimizer": self.optimizer.variables,
            "carried": self.carried,
            "best": self.best,
        }
        state.save(self.path, position, {name: [np.asarray(a) for a in members] for name, members in groups.items()})
        self._saved = time.monotonic()
        self._save_seconds = self._saved - started
        self.observer.save(self.position.step)

    def _resume(self) -> None:
        found = state.load(self.path)
        if found is None:
            return
        self.position, arrays = found
        groups = [("weights", self.variables), ("averages", self.averages), ("optimizer", self.optimizer.variables)]
        try:
            for name, variables in groups:
                for variable, value in zip(variables, arrays[name], strict=True):
                    variable.assign(value)
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"{self.path}: the unfinished training is not of this model ({error}); start over with --fresh"
            ) from error
        self.carried = [tf.constant(value) for value in arrays.get("carried", [])]
        self.best = arrays.get("best", [])
