"""The ladder: every kind of forecaster, from the naive forecast to sequence-to-sequence networks, on the same data."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.errors import StoppedError, UsageError
from rnntext.jobs.forecast_split import Split
from rnntext.jobs.ladder_data import Dataset
from rnntext.jobs.signals import stop_on_signal
from rnntext.run.forecaster_network import recurrent_output, sizes
from rnntext.run.forecasters import Forecaster, measure
from rnntext.run.panel import Panel
from rnntext.run.threads import blas_threads
from rnntext.settings.forecaster import BASELINES, ForecastConfig, ForecastTraining
from rnntext.train import tensorflow
from rnntext.watch.observer import Observer

LEAST_SQUARES = "least squares"  # the label of the linear model that is fitted in closed form
Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Rung:
    """A kind of forecaster, with the strategy that it is trained for.

    Attributes:
        label: its name in the table.
        architecture, strategy, recurrent_output: see ForecastConfig.
    """

    label: str
    architecture: str
    strategy: str = "next"
    recurrent_output: bool = False


# The rungs in their order: NEXT predicts one value, AHEAD predicts `horizon` values.
NEXT = (
    Rung("naive", "naive"),
    Rung("seasonal-naive", "seasonal-naive"),
    Rung(LEAST_SQUARES, "linear"),
    Rung("linear", "linear"),
    Rung("rnn", "rnn"),
    Rung("deep-rnn, recurrent output", "deep-rnn", "next", recurrent_output=True),
    Rung("deep-rnn", "deep-rnn"),
    Rung("lstm", "lstm"),
    Rung("gru", "gru"),
    Rung("conv-gru", "conv-gru"),
)
AHEAD = (
    Rung("naive", "naive", "direct"),
    Rung("seasonal-naive", "seasonal-naive", "direct"),
    Rung(LEAST_SQUARES, "linear", "direct"),
    Rung("linear", "linear", "iterated"),
    Rung("deep-rnn", "deep-rnn", "iterated"),
    Rung("gru", "gru", "iterated"),
    Rung("linear", "linear", "direct"),
    Rung("deep-rnn", "deep-rnn", "direct"),
    Rung("deep-rnn", "deep-rnn", "seq2seq"),
    Rung("lstm", "lstm", "seq2seq"),
    Rung("gru", "gru", "seq2seq"),
    Rung("conv-gru", "conv-gru", "seq2seq"),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """The errors of a rung on held-out data.

    Attributes:
        rung: its label.
        strategy: its strategy; empty for a baseline, which has none.
        horizon: number of values that were predicted.
        mse, mae, mase: mean squared, mean absolute and mean absolute scaled error (see `run.accuracy`).
        skill: 1 - MSE / MSE of the naive forecast.
        parameters: number of weights.
        seconds: time of the training.
        test_mse: mean squared error on the test series, by which nothing is chosen; None if there are none.
        remark: what the table says beside the numbers.
    """

    rung: str
    strategy: str
    horizon: int
    mse: float
    mae: float
    mase: float
    skill: float
    parameters: int
    seconds: float
    test_mse: float | None = None
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """All fields by name, for --json."""
        return dataclasses.asdict(self)


def climb(dataset: Dataset, training: ForecastTraining, observer: Observer | None = None) -> Iterator[Result]:
    """Yields the result of one rung after the other, as soon as it has been trained and measured.

    Args:
        dataset: the training, held-out and test data.
        training: how each rung is trained.
        observer: watches the trainings.

    Raises:
        StoppedError: a signal came.
        DataError: the series is too short.
    """
    # 1. Split the data once before TensorFlow is started, to find errors in them early.
    dataset.split(_config(dataset, Rung("linear", "linear", "direct")))
    tensorflow.start(training.seed)
    learnt: dict[str, Arrays] = {}
    for rungs in (NEXT, AHEAD):
        naive_mse = 1.0
        linear: Result | None = None
        for rung in rungs:
            # 2. Train and measure the rung.
            config = _config(dataset, rung)
            try:
                split, test = dataset.split(config)
            except UsageError:  # the seasonal naive forecast needs a season
                continue
            result = _climb(rung, config, training, split, test, learnt, observer or Observer())
            # 3. Compare it with the naive forecast and with the linear model.
            if rung.label == "naive":
                naive_mse = result.mse
            if rung.label == "linear" and rung.strategy in ("next", "direct"):
                linear = result
            skill = 1.0 - result.mse / naive_mse if naive_mse else 0.0
            remark = _remark(result, config, linear, split)
            yield dataclasses.replace(result, skill=skill, remark=remark)


def _config(dataset: Dataset, rung: Rung) -> ForecastConfig:
    """The config of a rung."""
    return ForecastConfig(
        architecture=rung.architecture,
        strategy=rung.strategy,
        window=dataset.window,
        horizon=1 if rung.strategy == "next" else dataset.horizon,
        recurrent_output=rung.recurrent_output,
        linear=False,  # the linear model is a rung of its own
        scale=dataset.scale,
    )


def _climb(
    rung: Rung,
    config: ForecastConfig,
    training: ForecastTraining,
    split: Split,
    test: Panel | None,
    learnt: dict[str, Arrays],
    observer: Observer,
) -> Result:
    """The result of one rung, without its skill and its remark.

    Args:
        rung, config: the kind of forecaster.
        training: how it is trained.
        split, test: the data.
        learnt: weights by label of the rungs that predict one value; an iterated rung uses them.
        observer: watches the training.
    """
    # 1. Train.
    began = time.monotonic()
    if rung.label == LEAST_SQUARES:
        arrays = _least_squares(config, split)
    elif rung.architecture in BASELINES:
        arrays = {}
    elif rung.strategy == "iterated":
        arrays = learnt[rung.label]
    else:
        arrays = _train(config, training, split, observer)
        learnt.setdefault(rung.label, arrays)  # the first rung of a label predicts one value
    seconds = time.monotonic() - began
    # 2. Measure.
    engine = Forecaster(config, split.scale, split.known, arrays)
    with blas_threads():
        held_out_errors = measure(engine, split.held_out, split.naive_errors)
        test_errors = measure(engine, test, split.naive_errors) if test is not None else None
    return Result(
        rung=rung.label,
        strategy="" if rung.architecture in BASELINES else rung.strategy,
        horizon=config.measured,
        mse=held_out_errors["mse"],
        mae=held_out_errors["mae"],
        mase=held_out_errors["mase"],
        skill=0.0,
        parameters=sum(array.size for array in arrays.values()),
        seconds=seconds,
        test_mse=test_errors["mse"] if test_errors is not None else None,
    )


def _train(config: ForecastConfig, training: ForecastTraining, split: Split, observer: Observer) -> Arrays:
    """The weights of a trained network with the best held-out error."""
    from rnntext.train.forecast_task import ForecastTask
    from rnntext.train.loop import Loop

    tensorflow.start(training.seed)  # the result of a rung does not depend on those before it
    task = ForecastTask(config, training, split.scale, split.training, split.held_out, split.naive_errors)
    with tempfile.TemporaryDirectory() as folder, stop_on_signal(observer.stopping) as request:
        loop = Loop(task, training, Path(folder) / "state.safetensors", observer, time.monotonic())
        if not loop.run(request):
            raise StoppedError("stopped; the rungs that were trained are shown above", request.number or 0)
    return task.model.arrays(loop.best)


def _least_squares(config: ForecastConfig, split: Split) -> Arrays:
    """The weights of the linear model with the smallest mean squared error on the training data.

    The least-squares solution of [X 1] W = Y in closed form, where a row of X is a scaled window, and a row of Y the
    scaled values after it. Windows after which a value is missing are left out.
    """
    # 1. Cut the training data into windows with the values after them.
    ahead = config.ahead
    panel = split.training
    scale = split.scale
    origins = panel.origins(config.window, ahead)
    chunk, counted = panel.chunks(origins, config.window + ahead)  # [windows, window + ahead, columns]
    complete = counted[:, config.window :, : scale.targets].all(axis=(1, 2))  # [windows]
    chunk = chunk[complete]
    # 2. Solve for the weights.
    inputs = scale.inputs(chunk, ahead).reshape(len(chunk), -1)  # [windows, window * features]
    last_step = np.array([config.window - 1])
    labels = scale.labels(chunk, ahead, last_step)[:, 0]  # [windows, ahead * targets]
    ones = np.ones((len(chunk), 1))
    design = np.concatenate([inputs, ones], axis=1, dtype=np.float64)  # [windows, window * features + 1]
    weights, *_ = np.linalg.lstsq(design, labels, rcond=None)  # [window * features + 1, ahead * targets]
    return {"output.kernel": weights[:-1].astype(np.float32), "output.bias": weights[-1].astype(np.float32)}


def _remark(result: Result, config: ForecastConfig, linear: Result | None, split: Split) -> str:
    """Says whether a larger model loses against the linear one, and whether tanh limits the output."""
    remarks = []
    if linear and result.parameters > linear.parameters and result.mse > linear.mse:
        remarks.append("larger than linear, and worse")
    targets = split.scale.targets
    _, outputs = sizes(config, targets, 0)
    if config.architecture not in BASELINES and recurrent_output(config, outputs):
        scaled = split.scale.scaled(split.held_out.values[:, :, :targets])  # [series, time, targets]
        highest = np.abs(scaled).max()
        beyond = highest > 1 and not split.scale.relative
        outside = f"; the data reach {highest:.2g}" if beyond else ""
        remarks.append(f"tanh holds the output within 1{outside}")
    return "; ".join(remarks)
