"""The forecasters in NumPy: the twins of `train/forecasters.py`, and the only ones that users run.

A network reads windows `[windows, time, features]` and answers, at the last step, `[windows, ahead * targets]`. Inside,
arrays are feature-major, as `run/cells.py` wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rnntext.config import BASELINES, CONVOLUTION, FORECASTERS, ForecastConfig
from rnntext.run.accuracy import accuracy
from rnntext.run.cells import CELLS, Array, stack_memory, stack_shapes
from rnntext.run.panel import Panel
from rnntext.run.windows import Scale, answering_steps_of_convolution

MOST = 512  # windows that are read side by side
MOST_MEASURED = 4096  # windows that an evaluation looks at


def sizes(config: ForecastConfig, targets: int, known: int) -> tuple[int, int]:
    """Numbers that a network reads at a step, and numbers that it answers."""
    return targets + known * config.ahead, targets * config.ahead


def recurrent_output(config: ForecastConfig, outputs: int) -> bool:
    """Whether the last recurrent layer is the output: if so wished, and for a single unit that predicts one number."""
    return config.recurrent_output or (config.architecture == "rnn" and config.stack() == (1,) and outputs == 1)


def linear_path(config: ForecastConfig, outputs: int) -> bool:
    """Whether a linear model of the window is added to what a recurrent network answers, as in LSTNet (Lai et al.
    2018)."""
    recurrent = FORECASTERS[config.architecture].cell is not None and not recurrent_output(config, outputs)
    return config.linear and config.scale == "relative" and recurrent


def stack(config: ForecastConfig, outputs: int) -> tuple[int, ...]:
    """Units of all recurrent layers, a recurrent output layer included."""
    inner = config.stack()
    if not recurrent_output(config, outputs):
        return inner
    return (outputs,) if config.architecture == "rnn" else (*inner, outputs)


def shapes(config: ForecastConfig, targets: int, known: int = 0) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays that a network of this config consists of, all float32."""
    features, outputs = sizes(config, targets, known)
    kind = FORECASTERS[config.architecture]
    found: dict[str, tuple[int, ...]] = {}
    if config.architecture in BASELINES:
        return found
    of_window = (config.window * features, outputs)
    if kind.cell is None:
        return {"output.kernel": of_window, "output.bias": (outputs,)}
    layers = stack(config, outputs)
    if kind.convolution:
        found |= {"convolution.kernel": (CONVOLUTION, features, layers[0]), "convolution.bias": (layers[0],)}
        features = layers[0]
    found |= stack_shapes(kind.cell, features, layers)
    if not recurrent_output(config, outputs):
        found |= {"output.kernel": (layers[-1], outputs), "output.bias": (outputs,)}
    if linear_path(config, outputs):
        found |= {"linear.kernel": of_window}
    return found


Network = Callable[[Array], Array]


def network(config: ForecastConfig, targets: int, known: int, arrays: Mapping[str, Array]) -> Network:
    """The function that reads windows and answers at their last step."""
    _, outputs = sizes(config, targets, known)
    if config.architecture in BASELINES:
        return lambda windows: np.zeros((len(windows), outputs), np.float32)
    if FORECASTERS[config.architecture].cell is None:
        return lambda windows: windows.reshape(len(windows), -1) @ arrays["output.kernel"] + arrays["output.bias"]
    return _Recurrent(config, stack(config, outputs), arrays)


class _Recurrent:
    """A convolution or none, recurrent layers, a dense layer or none."""

    def __init__(self, config: ForecastConfig, layers: tuple[int, ...], arrays: Mapping[str, Array]) -> None:
        kind = FORECASTERS[config.architecture]
        assert kind.cell is not None
        self.arrays, self.layers, self.convolution = arrays, layers, kind.convolution
        names = ("kernel", "recurrent_kernel", "bias")
        weights = [[arrays[f"layer{index}.{name}"] for name in names] for index in range(len(layers))]
        self.kernel, recurrent, self.bias = weights[0]
        cell = CELLS[kind.cell]
        self.project = cell.table
        self.cells = [cell(None, recurrent, self.bias), *(cell(*layer) for layer in weights[1:])]

    def __call__(self, windows: Array) -> Array:
        answer = self._last(windows)
        if "linear.kernel" in self.arrays:
            answer += windows.reshape(len(windows), -1) @ self.arrays["linear.kernel"]
        return answer

    def _last(self, windows: Array) -> Array:
        """What the recurrent layers answer at the last step."""
        if self.convolution:
            windows = _convolve(windows, self.arrays["convolution.kernel"], self.arrays["convolution.bias"])
        batch, time, features = windows.shape
        inputs = windows.transpose(1, 0, 2).reshape(time * batch, features)
        columns = self.project(inputs, self.kernel, self.bias)  # [gates * units, time * batch]
        _, h, both = stack_memory(self.layers, batch)
        spaces = [cell.start(batch) for cell in self.cells]
        for t in range(time):
            column: Array | None = columns[:, t * batch : (t + 1) * batch]
            below: Array | None = None
            for cell, space, pair, own in zip(self.cells, spaces, both, h, strict=True):
                cell.step(space, below, column, pair, own)
                column, below = None, own
        if "output.kernel" not in self.arrays:
            return h[-1].T.copy()
        return np.asarray(h[-1].T @ self.arrays["output.kernel"] + self.arrays["output.bias"])


def _convolve(windows: Array, kernel: Array, bias: Array) -> Array:
    """`[windows, time, features]` to `[windows, places, units]`, without an activation."""
    ends = answering_steps_of_convolution(windows.shape[1])
    seen = windows[:, ends[:, None] + np.arange(1 - CONVOLUTION, 1)]  # [windows, places, CONVOLUTION, features]
    return np.asarray(seen.reshape(len(windows), len(ends), -1) @ kernel.reshape(-1, kernel.shape[2]) + bias)


class Forecaster:
    """A trained forecaster.

    Args:
        config: its shape.
        scale: how numbers become what it sees.
        known: number of columns known in advance.
        arrays: its weights, as `shapes` names them.
    """

    def __init__(self, config: ForecastConfig, scale: Scale, known: int, arrays: Mapping[str, Array]) -> None:
        self.config, self.scale, self.known = config, scale, known
        self.network = network(config, scale.targets, known, arrays)

    def forecast(self, history: Array, steps: int, future: Array | None = None) -> Array:
        """Predicts what comes after some histories, `ahead` values at a time; what was predicted is appended.

        Args:
            history: `[windows, at least window, targets + known]`, without NaN.
            steps: how many values to predict.
            future: the known columns at these steps, `[windows, steps, known]`; none if there are none.

        Returns:
            `[windows, steps, targets]`.
        """
        parts = [slice(i, i + MOST) for i in range(0, len(history), MOST)]
        return np.concatenate(
            [self._forecast(history[part], steps, None if future is None else future[part]) for part in parts]
        )

    def _forecast(self, history: Array, steps: int, future: Array | None) -> Array:
        window, ahead, targets = self.config.window, self.config.ahead, self.scale.targets
        total = -(-steps // ahead) * ahead
        chunk = np.empty((len(history), window + total, history.shape[2]))
        chunk[:, :window] = history[:, -window:]
        chunk[:, window:] = history[:, -1:]  # a place holder
        if future is not None and self.known:
            chunk[:, window : window + steps, targets:] = future
            chunk[:, window + steps :, targets:] = future[:, -1:]  # read by a network that looks further ahead
        for begin in range(0, total, ahead):
            part = chunk[:, begin : begin + window + ahead]
            answer = self.network(self.scale.inputs(part, ahead))
            part[:, window:, :targets] = self.scale.outputs(answer, part, ahead)
        return chunk[:, window : window + steps, :targets]


def measure(engine: Forecaster, panel: Panel, naive_errors: np.ndarray) -> dict[str, float]:
    """Errors of forecasts of `measured` values from all places of a panel, or MOST_MEASURED of them."""
    window, steps, targets = engine.config.window, engine.config.measured, engine.scale.targets
    every = panel.origins(window, steps)
    origins = every[np.linspace(0, len(every) - 1, min(len(every), MOST_MEASURED)).astype(int)]
    chunk, counted = panel.chunks(origins, window + steps)
    found = engine.forecast(chunk[:, :window], steps, chunk[:, window:, targets:])
    return accuracy(found, chunk[:, window:, :targets], counted[:, window:, :targets], naive_errors)
