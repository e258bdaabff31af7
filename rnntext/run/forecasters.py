"""Forecasters in NumPy: what comes after a history, by a network that sees a window of it."""

from __future__ import annotations

import math

import numpy as np

from rnntext.run.accuracy import accuracy
from rnntext.run.arrays import Array, Weights
from rnntext.run.forecaster_network import network
from rnntext.run.panel import Panel
from rnntext.run.windows import Scale
from rnntext.settings.forecaster import ForecastConfig

MAX_BATCH = 512  # windows that are read side by side
MAX_MEASURED = 4096  # windows that an evaluation looks at
CHOOSING = 2  # Every second place of held-out data chooses weights; those between them calibrate bands.


class Forecaster:
    """A trained forecaster.

    Args:
        config: its shape.
        scale: how numbers become what its network reads.
        known: number of columns known in advance.
        arrays: its weights, as `run.forecaster_network.shapes` names them.
    """

    def __init__(
        self,
        config: ForecastConfig,
        scale: Scale,
        known: int,
        arrays: Weights,
    ) -> None:
        self.config = config
        self.scale = scale
        self.known = known
        self.arrays = arrays
        self.network = network(config, scale.targets, known, arrays)

    def forecast(self, history: Array, steps: int, future: Array | None = None) -> Array:
        """Forecasts of what comes after some histories.

        The network predicts `ahead` steps at once. Where more are wanted, its predictions are appended to the history.

        Args:
            history: `[batch, time, targets + known]`, without NaN; time is at least that of a window.
            steps: number of steps to predict.
            future: the columns known in advance at these steps, `[batch, steps, known]`; None if there are none.

        Returns:
            `[batch, steps, targets]`, float64.
        """
        forecasts = []
        for begin in range(0, len(history), MAX_BATCH):
            rows = slice(begin, begin + MAX_BATCH)
            part = history[rows]
            known = None
            if future is not None and self.known:
                known = future[rows]
            predicted = self._forecast(part, steps, known)
            forecasts.append(predicted)
        return np.concatenate(forecasts)

    def _forecast(self, history: Array, steps: int, known: Array | None) -> Array:
        """`forecast` for at most MAX_BATCH histories; `known` are the columns known in advance, if there are any."""
        # 1. Lay out the window and the steps to come, whose number is rounded up to a multiple of `ahead`.
        window = self.config.window
        ahead = self.config.ahead
        targets = self.scale.targets
        batch, _, columns = history.shape
        rounds = math.ceil(steps / ahead)
        total = rounds * ahead
        length = window + total
        series = np.empty((batch, length, columns))
        past = series[:, :window]  # [batch, window, columns]
        to_come = series[:, window:]  # [batch, total, columns]
        seen = history[:, -window:]
        last_seen = history[:, -1:]
        past[:] = seen
        to_come[:] = last_seen  # forecasts overwrite it
        if known is not None:
            known_to_come = to_come[:, :, targets:]
            last = known[:, -1:]  # [batch, 1, known]
            known_to_come[:, :steps] = known
            known_to_come[:, steps:] = last  # read if the network looks further ahead than is asked for

        # 2. Predict `ahead` steps at a time.
        for begin in range(0, total, ahead):
            end = begin + window + ahead
            chunk = series[:, begin:end]  # [batch, window + ahead, columns], a view
            inputs = self.scale.inputs(chunk, ahead, self.config.read)  # [batch, time, features]
            answer = self.network(inputs)  # [batch, ahead * targets]
            predicted = self.scale.outputs(answer, chunk, ahead)  # [batch, ahead, targets]
            chunk[:, window:, :targets] = predicted
        return to_come[:, :steps, :targets]


def measure(engine: Forecaster, panel: Panel, naive_errors: Array) -> dict[str, float]:
    """MSE, MAE and MASE of forecasts of `measured` steps from every CHOOSING-th place of a panel, or from MAX_MEASURED.

    Args:
        naive_errors: see `run.accuracy`.
    """
    # 1. Choose the places.
    config = engine.config
    window = config.window
    steps = config.measured
    origins = panel.origins(window, steps)  # [places, 2], series and time
    origins = origins[origins[:, 1] % CHOOSING == 0]  # [windows, 2]
    last = len(origins) - 1
    count = min(len(origins), MAX_MEASURED)
    chosen = np.linspace(0, last, count)
    origins = origins[chosen.astype(int)]

    # 2. Compare forecasts with what came.
    targets = engine.scale.targets
    length = window + steps
    values, counted = panel.chunks(origins, length)  # [windows, length, columns] each
    history = values[:, :window]
    future = values[:, window:]
    known = future[:, :, targets:]
    actual = future[:, :, :targets]
    counted = counted[:, window:, :targets]
    forecast = engine.forecast(history, steps, known)
    return accuracy(forecast, actual, counted, naive_errors)
