"""The one training loop, for every model."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
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
BUDGET = 0.96  # of a time limit is planned for; the rest is for saving and for a machine that slows down
RECENT = 20  # steps that the rate shown is measured over
DRAWS = 256  # most masks that a layer draws for one batch
SMOOTHING = 0.98  # of the training loss that is shown and watched


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
        least_loss: a start below it, as a model that goes on learning has, counts as this where divergence is judged.
    """

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        path: Path,
        observer: Observer,
        began: float,
        save_every: float = JobConfig.save_every,
        least_loss: float = 0.0,
    ) -> None:
        self.task, self.config, self.path, self.observer = task, config, path, observer
        self.save_every, self.least_loss = save_every, least_loss
        self.variables = task.model.trainable_variables
        self.averages = [tf.Variable(v.value, trainable=False) for v in self.variables]
        self.optimizer = Adam(config.learning_rate, beta_2=config.beta_2, global_clipnorm=CLIP)
        self.optimizer.build(self.variables)
        self.carried = task.start_state()
        self.best: list[np.ndarray] = []
        self.position = Position()
        carried = [tf.TensorSpec(c.shape, c.dtype) for c in self.carried]
        signature = (tuple(task.signature), carried, tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32))
        self._sums = [tf.Variable(tf.zeros(v.shape)) for v in self.variables] if task.accumulate > 1 else []
        self._learn = tf.function(self._learn_graph, input_signature=signature, autograph=False)
        self._apply = tf.function(self._apply_graph, input_signature=signature[2:3], autograph=False)
        self._began, self._saved = began, time.monotonic()
        self._step_times: list[float] = []
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
        self._step_times.append(time.monotonic() - started)
        return self._progress(rate)

    def _watch(self, loss: float) -> None:
        """Raises DivergedError for a loss that is NaN, infinite, or (after the warm-up) above twice its start."""
        p = self.position
        p.first_loss = max(loss, self.least_loss) if p.first_loss is None else p.first_loss
        p.smooth_loss = loss if p.smooth_loss is None else SMOOTHING * p.smooth_loss + (1 - SMOOTHING) * loss
        start = max(p.first_loss, getattr(self.task, "usual_loss", 0.0))  # a first batch may be easier than most
        if not math.isfinite(loss) or (p.step >= self.config.warmup and p.smooth_loss > 2 * start):
            raise DivergedError(
                f"training diverged at step {p.step + 1} (loss {loss:.4g}, at the start {start:.4g}); "
                f"no version was written: try a --learning-rate below {self.config.learning_rate:g}"
            )

    def _progress(self, rate: float) -> Progress:
        p = self.position
        recent = self._step_times[-RECENT:]
        if p.plan is not None:  # no more need of the others
            self._step_times = recent
        return Progress(
            step=p.step,
            steps=p.plan.steps if p.plan else None,
            epoch=p.step // self.task.steps_per_epoch,
            seconds=self.seconds(),
            rate=self.task.units_per_step * len(recent) / sum(recent),
            loss=p.smooth_loss or 0.0,
            learning_rate=rate,
        )

    # The run ----------------------------------------------------------------------------------------------------------

    def run(self, stopped: Callable[[], bool]) -> bool:
        """Trains to the plan's end; asks `stopped` after every step and, if so, saves and returns False.

        Raises:
            DivergedError: see `_watch`; nothing is saved after the last good state.
        """
        self.observer.start(sum(math.prod(v.shape) for v in self.variables), self.position.step)
        while self.position.plan is None or self.position.step < self.position.plan.steps:
            if stopped():
                self.save()
                return False
            if self.position.plan is None:
                self._make_plan()
            progress = self.step()
            self.observer.step(progress)
            plan = self.position.plan
            if plan and (self.position.step % plan.evaluate_every == 0 or self.position.step == plan.steps):
                self._evaluate(progress)
                self.save()
            elif time.monotonic() - self._saved >= self.save_every:
                self.save()
        return True

    def _evaluate(self, progress: Progress) -> None:
        values = [a.numpy() for a in self.averages]
        metrics = self._score(values)
        rank = self.task.rank(metrics)
        if not all(math.isfinite(value) for value in rank):
            raise DivergedError(
                f"the held-out score at step {self.position.step} is not a number; no version was written"
            )
        best = self.position.best is None or rank > self.task.rank(self.position.best)
        if best:
            self.best, self.position.best, self.position.best_step = values, metrics, self.position.step
        self.position.stale = 0 if best else self.position.stale + 1
        self.observer.evaluation(progress, metrics, best)
        self.observer.examples(self.task.examples())
        plan = self.position.plan
        if plan is not None and self.position.stale == self.config.patience:
            self.position.plan = dataclasses.replace(plan, steps=self.position.step)  # the run ends here

    def _score(self, values: list[np.ndarray]) -> dict[str, float]:
        if not all(np.abs(value).max(initial=0) <= MOST_WEIGHT for value in values):  # false for NaN, too
            raise DivergedError(
                f"the weights at step {self.position.step} are not numbers, or far too large; no version was written"
            )
        try:
            return self.task.evaluate(values)
        except CheckpointError as error:  # weights from which nothing can be computed
            raise DivergedError(f"at step {self.position.step} {error}; no version was written") from error

    def seconds(self) -> float:
        """Time spent on this run, over all sessions."""
        return self.position.seconds + time.monotonic() - self._began

    def _make_plan(self) -> None:
        """Fixes the number of steps as soon as it can be known: at once, or when enough steps have been timed."""
        config, done = self.config, self.position.step
        limits = [config.steps, config.epochs and config.epochs * self.task.steps_per_epoch]
        most = min((limit for limit in limits if limit is not None), default=None)
        if config.time_limit is None:
            assert most is not None
            self.position.plan = schedule.plan_steps(most, config.warmup)
            return
        timed = self._step_times[3:] or self._step_times[1:]  # the first steps trace and warm up
        wanted = max(schedule.PROBE_SECONDS, schedule.PROBE_SHARE * config.time_limit)
        few = len(timed) < schedule.PROBE_STEPS or (sum(timed) < wanted and done < config.warmup)
        late = self.seconds() > schedule.PROBE_MOST * config.time_limit
        if not timed or (few and not late):
            if most is not None and done >= most - 1:
                self.position.plan = schedule.plan_steps(most, config.warmup)
            return
        started = time.monotonic()
        self._score([a.numpy() for a in self.averages])
        evaluation = time.monotonic() - started
        left = BUDGET * config.time_limit - self.seconds()
        usual = statistics.median(timed[len(timed) // 2 :])  # steps may become faster, as what is sampled is kept
        self.position.plan = schedule.plan_time(left, usual, evaluation, done, most, config.warmup)

    # The state --------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes all that a resume needs."""
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
