"""Forecasters as ONNX graphs, whole: from the values of a window to a forecast in the same unit.

See `run/windows.py` and `run/forecaster_network.py`. Scales are computed in float64, as there; the network in float32.
"""

from __future__ import annotations

import numpy as np

from rnntext.export.model import ExportedModel
from rnntext.export.onnx_graph import DOUBLE, Graph, axes
from rnntext.export.onnx_layers import affine, recurrent
from rnntext.run.arrays import Array
from rnntext.run.windows import Scale, answering_steps_of_convolution
from rnntext.settings.forecaster import CONVOLUTION, FORECASTERS, STRIDE, ForecastConfig

_FLOAT, _DOUBLE = 1, 11  # ONNX's numbers of the types
_END = np.iinfo(np.int64).max  # of a slice that goes to the end


def graphs(model: ExportedModel) -> dict[str, Graph]:
    """The graph by the name of its file: it forecasts what follows windows."""
    # 1. Declare the inputs.
    assert isinstance(model.config, ForecastConfig)
    assert model.scale is not None
    graph = Graph("forecast")
    ours = _Forecaster(model, graph, model.config, model.scale)
    config = ours.config
    window = graph.input("window", DOUBLE, "batch", config.window, ours.targets + ours.known)
    if ours.known:
        graph.input("future", DOUBLE, "batch", config.ahead, ours.known)

    # 2. Forecast.
    targets = ours.scaled(ours.slice(window, 0, ours.targets, axis=2))  # [batch, window, targets]
    forecast = ours.base(targets)  # [batch, ahead, targets]
    if FORECASTERS[config.architecture].cell or "output.kernel" in model.arrays:
        answer = ours.network(ours.inputs(window, targets))  # [batch, ahead * targets]
        answer = graph.add("Cast", answer, to=_DOUBLE)
        answer = graph.add("Reshape", answer, axes(0, config.ahead, ours.targets))
        forecast = graph.add("Add", answer, forecast)
    graph.output("forecast", ours.unscaled(forecast), DOUBLE, "batch", config.ahead, ours.targets)
    return {"forecaster.onnx": graph}


class _Forecaster:
    """The parts of a forecaster's graph."""

    def __init__(self, model: ExportedModel, graph: Graph, config: ForecastConfig, scale: Scale) -> None:
        self.graph = graph
        self.arrays = model.arrays
        self.config = config
        self.scale = scale
        self.targets = scale.targets
        self.known = len(model.description["known"])
        self.kernels = model.smoothing_kernels  # [targets, window, ahead]
        self.mean = scale.mean[: self.targets]
        self.spread = scale.spread[: self.targets]

    def slice(self, x: str, begin: int, end: int, axis: int) -> str:
        """x from `begin` to `end` along an axis."""
        return self.graph.add("Slice", x, axes(begin), axes(end), axes(axis))

    def scaled(self, values: str) -> str:
        """See `Scale.scaled`."""
        if self.scale.least is not None:
            values = self.graph.add("Max", values, np.array(self.scale.least))
            values = self.graph.add("Log", values)
        return self._standardized(values, self.mean, self.spread)

    def _standardized(self, values: str, mean: Array, spread: Array) -> str:
        return self.graph.add("Div", self.graph.add("Sub", values, mean), spread)

    def unscaled(self, values: str) -> str:
        """See `Scale.unscaled` and `Scale.above_floor`."""
        values = self.graph.add("Add", self.graph.add("Mul", values, self.spread), self.mean)
        if self.scale.least is not None:
            values = self.graph.add("Exp", values)
        if self.scale.floor is not None:
            values = self.graph.add("Max", values, np.array(self.scale.floor))
        return values

    def inputs(self, window: str, targets: str) -> str:
        """What the network reads, see `Scale.inputs`: `[batch, read, features]`, float32.

        Args:
            window: `[batch, window, targets + known]`.
            targets: those columns, scaled, `[batch, window, targets]`.
        """
        # 1. The columns that are predicted.
        read = self.config.read
        now = self.slice(targets, -read, _END, axis=1)  # [batch, read, targets]
        if self.scale.relative:
            now = self.graph.add("Sub", now, self.slice(now, 0, 1, axis=1))
        parts = [now]
        # 2. Those known in advance, as they will be at each of the next steps.
        if self.known:
            past = self.slice(window, self.targets, _END, axis=2)
            past = self.slice(past, -read, _END, axis=1)  # [batch, read, known]
            known = self.graph.add("Concat", past, "future", axis=1)  # [batch, read + ahead, known]
            columns = slice(self.targets, None)
            known = self._standardized(known, self.scale.mean[columns], self.scale.spread[columns])
            for later in range(1, self.config.ahead + 1):
                parts.append(self.slice(known, later, later + read, axis=1))
        # 3. All of them.
        features = self.graph.add("Concat", *parts, axis=2)
        return self.graph.add("Cast", features, to=_FLOAT)

    def base(self, targets: str) -> str:
        """The forecast that the network's answer is added to, see `Scale`: `[batch, ahead, targets]`, or a shape that
        broadcasts to it.

        Args:
            targets: scaled, `[batch, window, targets]`.
        """
        scale, config = self.scale, self.config
        if not scale.relative:
            return self.graph.constant(np.zeros((1, config.ahead, self.targets)), "base")
        if self.kernels is not None:
            by_target = self.graph.add("Transpose", targets, perm=[2, 0, 1])  # [targets, batch, window]
            smoothed = self.graph.add("MatMul", by_target, self.kernels)  # [targets, batch, ahead]
            return self.graph.add("Transpose", smoothed, perm=[1, 2, 0])
        last = config.window - 1
        later = np.arange(1, config.ahead + 1)  # [ahead]
        seasons = -(-later // scale.season)  # rounded up
        before = last + later - scale.season * seasons
        steps = np.where(before < 0, last, before)
        return self.graph.add("Gather", targets, steps, axis=1)

    def network(self, x: str) -> str:
        """The network's answer, see `run.forecaster_network`: `[batch, outputs]`.

        Args:
            x: `[batch, read, features]`.
        """
        # 1. Read the window.
        flat = self.graph.add("Reshape", x, axes(0, -1))  # [batch, read * features]
        h = flat
        cell = FORECASTERS[self.config.architecture].cell
        if "convolution.kernel" in self.arrays:
            x = self._convolved(x)
        if cell is not None:
            h = self._last_output(x, cell)  # [batch, units]
        # 2. Answer.
        y = affine(self.graph, h, self.arrays, "output") if "output.kernel" in self.arrays else h
        if "linear.kernel" in self.arrays:
            kernel = self.graph.constant(self.arrays["linear.kernel"], "linear.kernel")
            y = self.graph.add("Add", y, self.graph.add("MatMul", flat, kernel))
        return y

    def _convolved(self, x: str) -> str:
        """`[batch, read, features]` to `[batch, places, filters]`."""
        first = int(answering_steps_of_convolution(self.config.read)[0]) - CONVOLUTION + 1  # that is looked at
        kernel = np.ascontiguousarray(self.arrays["convolution.kernel"].transpose(2, 1, 0))  # [filters, features, 4]
        x = self.slice(x, first, _END, axis=1)
        x = self.graph.add("Transpose", x, perm=[0, 2, 1])  # [batch, features, time]
        x = self.graph.add("Conv", x, kernel, self.arrays["convolution.bias"], strides=[STRIDE])
        return self.graph.add("Transpose", x, perm=[0, 2, 1])

    def _last_output(self, x: str, cell: str) -> str:
        """The output of the last recurrent layer after the last step: `[batch, time, features]` to `[batch, units]`."""
        x = self.graph.add("Transpose", x, perm=[1, 0, 2])  # [time, batch, features]
        layers = sum(name.endswith(".recurrent_kernel") for name in self.arrays)
        for layer in range(layers):
            outputs, states = recurrent(self.graph, cell, x, self.arrays, [f"layer{layer}"])
            x = self.graph.add("Squeeze", outputs, axes(1))  # [time, batch, units]
        return self.graph.add("Squeeze", states[0], axes(0))
