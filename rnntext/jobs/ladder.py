"""The ladder: every kind of forecaster, from the naive guess to sequence-to-sequence LSTM, on the same data."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.config import BASELINES, ForecastConfig, ForecastTraining
from rnntext.errors import StoppedError, UsageError
from rnntext.jobs.signals import stop_on_signal
from rnntext.jobs.train_forecast import Split, make_split, split_series
from rnntext.run.forecasters import Forecaster, measure, recurrent_output, sizes
from rnntext.run.panel import Panel
from rnntext.run.threads import blas_threads
from rnntext.text.dates import rows_axis
from rnntext.text.series import Series
from rnntext.text.waves import waves
from rnntext.train import tensorflow
from rnntext.train.observer import Observer

SERIES = (7000, 2000, 1000)  # synthetic: to train on, to validate, to test
LEAST_SQUARES = "least squares"
Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Rung:
    """A kind of forecaster."""

    label: str
    architecture: str
    strategy: str = "next"
    recurrent_output: bool = False


# As the lesson goes: first the next value, then `horizon` values.
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
    """What a rung reached on held-out data. `skill` is 1 - MSE / MSE of the naive forecast; `test_mse` that of series
    which nothing was chosen by, if there are any; `remark` what is worth noticing."""

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
        """Everything, for --json."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Ground:
    """Where rungs compete: how to make the data for a number of values ahead.

    Attributes:
        split: makes training and held-out data for a config, and test data or None.
        scale: what networks see.
        window, horizon: steps.
    """

    split: Callable[[ForecastConfig], tuple[Split, Panel | None]]
    scale: str
    window: int
    horizon: int


def synthetic(window: int, horizon: int, scale: str = "none", sizes: tuple[int, int, int] = SERIES) -> Ground:
    """Synthetic series, each one window and what comes after it, as in Hands-On Machine Learning, chapter 15: the very
    series of that book, so that its figures can be compared."""

    def split(config: ForecastConfig) -> tuple[Split, Panel | None]:
        panel = Panel.of(waves(sum(sizes), window + config.measured).astype(np.float64))
        train, held_out, test = (
            Panel(panel.values[begin:end], panel.counted[begin:end])
            for begin, end in zip(np.cumsum((0, *sizes[:2])), np.cumsum(sizes), strict=True)
        )
        series = Series("synthetic", ["value"], [], panel.values[0], np.empty((0, 0)), rows_axis(), [])
        return make_split(series, dataclasses.replace(config, season=1), train, held_out), test

    return Ground(split, scale, window, horizon)


def real(series: Series, window: int, horizon: int, validation: str, scale: str = "relative") -> Ground:
    """A series of the user's, cut by time."""
    return Ground(lambda config: (split_series(series, config, validation), None), scale, window, horizon)


def climb(ground: Ground, training: ForecastTraining, observer: Observer | None = None) -> Iterator[Result]:
    """Trains and measures one rung after the other.

    Raises:
        StoppedError: a signal came.
        DataError: the series is too short.
    """
    ground.split(_config(ground, Rung("linear", "linear", "direct")))  # is something wrong with the data?
    tensorflow.start(training.seed)
    learnt: dict[str, Arrays] = {}
    for rungs in (NEXT, AHEAD):
        naive, linear = 1.0, None
        for rung in rungs:
            config = _config(ground, rung)
            try:
                split, test = ground.split(config)
            except UsageError:  # no season, no seasonal naive forecast
                continue
            found = _climb(rung, config, training, split, test, learnt, observer or Observer())
            naive = found.mse if rung.label == "naive" else naive
            linear = found if rung.label == "linear" and rung.strategy in ("next", "direct") else linear
            skill = 1.0 - found.mse / naive if naive else 0.0
            yield dataclasses.replace(found, skill=skill, remark=_remark(found, config, linear, split))


def _config(ground: Ground, rung: Rung) -> ForecastConfig:
    return ForecastConfig(
        architecture=rung.architecture,
        strategy=rung.strategy,
        window=ground.window,
        horizon=1 if rung.strategy == "next" else ground.horizon,
        recurrent_output=rung.recurrent_output,
        linear=False,  # that is a rung of its own
        scale=ground.scale,
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
    """One rung. An iterated one uses what was learnt for the next value."""
    began = time.monotonic()
    if rung.label == LEAST_SQUARES:
        arrays = _least_squares(config, split)
    elif rung.architecture in BASELINES:
        arrays = {}
    elif rung.strategy == "iterated":
        arrays = learnt[rung.label]
    else:
        arrays = _train(config, training, split, observer)
        learnt.setdefault(rung.label, arrays)  # the first is the one for the next value
    seconds = time.monotonic() - began
    engine = Forecaster(config, split.scale, split.known, arrays)
    with blas_threads():
        scores = [measure(engine, panel, split.naive_errors) for panel in (split.held_out, test) if panel is not None]
    return Result(
        rung.label,
        rung.strategy if rung.architecture not in BASELINES else "",
        config.measured,
        mse=scores[0]["mse"],
        mae=scores[0]["mae"],
        mase=scores[0]["mase"],
        skill=0.0,
        parameters=sum(array.size for array in arrays.values()),
        seconds=seconds,
        test_mse=scores[1]["mse"] if test is not None else None,
    )


def _train(config: ForecastConfig, training: ForecastTraining, split: Split, observer: Observer) -> Arrays:
    from rnntext.train.forecast_task import ForecastTask
    from rnntext.train.loop import Loop

    tensorflow.start(training.seed)  # each rung begins from the same seed, whatever came before it
    task = ForecastTask(config, training, split.scale, split.training, split.held_out, split.naive_errors)
    with tempfile.TemporaryDirectory() as folder, stop_on_signal() as request:
        loop = Loop(task, training, Path(folder) / "state.safetensors", observer, time.monotonic())
        if not loop.run(request):
            raise StoppedError("stopped; the rungs that were trained are shown above", request.number or 0)
    return task.model.arrays(loop.best)


def _least_squares(config: ForecastConfig, split: Split) -> Arrays:
    """The linear model with the smallest mean squared error on the training data, in closed form."""
    ahead = config.ahead
    panel, scale = split.training, split.scale
    chunk, counted = panel.chunks(panel.origins(config.window, ahead), config.window + ahead)
    whole = counted[:, config.window :, : scale.targets].all(axis=(1, 2))
    chunk = chunk[whole]
    inputs = scale.inputs(chunk, ahead).reshape(len(chunk), -1)
    labels = scale.labels(chunk, ahead, np.array([config.window - 1]))[:, 0]
    ones = np.ones((len(chunk), 1))
    found = np.linalg.lstsq(np.concatenate([inputs, ones], axis=1, dtype=np.float64), labels, rcond=None)[0]
    return {"output.kernel": found[:-1].astype(np.float32), "output.bias": found[-1].astype(np.float32)}


def _remark(found: Result, config: ForecastConfig, linear: Result | None, split: Split) -> str:
    """What a reader should see at a glance."""
    remarks = []
    if linear and found.parameters > linear.parameters and found.mse > linear.mse:
        remarks.append("larger than linear, and worse")
    _, outputs = sizes(config, split.scale.targets, 0)
    if config.architecture not in BASELINES and recurrent_output(config, outputs):
        targets = split.scale.targets
        reached = np.abs(split.scale.scaled(split.held_out.values[:, :, :targets])).max()
        outside = "" if reached <= 1 or split.scale.relative else f"; the data reach {reached:.2g}"
        remarks.append(f"tanh holds the output within 1{outside}")
    return "; ".join(remarks)
