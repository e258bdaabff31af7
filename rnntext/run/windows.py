"""What a forecaster's network sees of a series, and what its answers mean, for training and for use.

A chunk is a window and the `ahead` steps after it: `[batch, window + ahead, columns]`. The first columns of a series
are those to be predicted, the targets; the others are known in advance.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np

from rnntext.run.arrays import Array
from rnntext.run.smoothing import Parameters, mean_kernels
from rnntext.settings.forecaster import BASELINES, CONVOLUTION, FORECASTERS, STRIDE, ForecastConfig

SHRINKAGE = 0.5  # of what smoothing leaves over: a network that learns a part of it does less harm by chance
MIN_SPREAD = 1e-12  # relative to the mean; a spread below it is rounding


@dataclasses.dataclass(frozen=True)
class Scale:
    """How the numbers of a series become what a network reads, and back. It is learnt from training data alone.

    Attributes:
        targets: number of columns to be predicted.
        mean: of each column, `[columns]`.
        spread: the standard deviation of each column, `[columns]`; 1 if the column is constant.
        season: steps after which the series repeats itself, 1 if it does not.
        relative: whether the network reads differences to the first value of the window, and answers with differences
            to another forecast: that of `smoothing` or, without it, the (seasonal) naive one.
        floor: no forecast is below it.
        smoothing: the parameters of each target, `[targets][members]` (see `run.smoothing`).
        least: the network reads logarithms, and a value below this one counts as this one; None: it reads the values.
    """

    targets: int
    mean: Array
    spread: Array
    season: int
    relative: bool
    floor: float | None = None
    smoothing: tuple[tuple[Parameters, ...], ...] | None = None
    least: float | None = None

    @classmethod
    def learn(cls, config: ForecastConfig, training: Array, targets: int, season: int) -> Self:
        """The scale of training data.

        Args:
            training: `[series, time, columns]`; a missing value is NaN.
            targets: number of columns to be predicted.
            season: in steps.
        """
        columns = training.shape[2]
        flat = training.reshape(-1, columns)  # [series * time, columns]
        flat = flat.astype(np.float64)
        mean = np.nanmean(flat, axis=0)
        spread = spread_of(flat)
        if config.scale == "none":
            mean = np.zeros_like(mean)
            spread = np.ones_like(spread)
        baseline = config.architecture in BASELINES
        relative = config.scale == "relative" or baseline
        if config.architecture == "naive":
            season = 1
        return cls(targets, mean, spread, season, relative)

    def to_json(self) -> dict[str, Any]:
        """All attributes; arrays become lists."""
        fields = dataclasses.asdict(self)
        fields["mean"] = self.mean.tolist()
        fields["spread"] = self.spread.tolist()
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The scale that `to_json` has written.

        Raises:
            KeyError, TypeError, ValueError: it has not.
        """
        mean = np.array(fields["mean"], np.float64)
        spread = np.array(fields["spread"], np.float64)
        arrays: dict[str, Any] = {"mean": mean, "spread": spread}
        if fields.get("smoothing") is not None:
            smoothing = tuple(tuple(_four(one) for one in target) for target in fields["smoothing"])
            if len(smoothing) != fields["targets"] or not all(smoothing):
                raise ValueError("each target has a smoothing")
            arrays["smoothing"] = smoothing
        if fields.get("least") is not None and not 0.0 < float(fields["least"]) < np.inf:
            raise ValueError("the least value must have a logarithm")
        return cls(**{**fields, **arrays})

    def inputs(self, chunk: Array, ahead: int, steps: int | None = None) -> Array:
        """What the network reads of a chunk: `[batch, steps, features]`, float32.

        At each step these are the targets as they are then, and the columns known in advance as they will be at each of
        the next `ahead` steps.

        Args:
            steps: number of steps, the last ones of the window; None: the whole window.
        """
        window = chunk.shape[1] - ahead if steps is None else steps
        chunk = chunk[:, -window - ahead :]
        targets = self._scaled_targets(chunk)
        known = (chunk[:, :, self.targets :] - self.mean[self.targets :]) / self.spread[self.targets :]
        now = targets[:, :window]  # [batch, window, targets]
        if self.relative:
            first = now[:, :1]  # [batch, 1, targets]
            now = now - first
        parts = [now]
        for later in range(1, ahead + 1):
            end = window + later
            known_then = known[:, later:end]  # [batch, window, known]
            parts.append(known_then)
        features = np.concatenate(parts, axis=2)  # [batch, window, features]
        return features.astype(np.float32)

    def labels(self, chunk: Array, ahead: int, steps: Array) -> Array:
        """What the network should answer at some steps of a chunk: `[batch, steps, ahead * targets]`, float32.

        Args:
            steps: their numbers, `[steps]`.
        """
        scaled = self._scaled_targets(chunk)
        later = np.arange(1, ahead + 1)
        answered = steps[:, None] + later  # [steps, ahead]
        future = scaled[:, answered]  # [batch, steps, ahead, targets]
        base = self._base(scaled, ahead, steps)
        difference = future - base
        if self.smoothing is not None:
            difference *= SHRINKAGE
        batch = len(chunk)
        count = len(steps)
        labels = difference.reshape(batch, count, -1)
        return np.asarray(labels, np.float32)

    def outputs(self, answer: Array, chunk: Array, ahead: int) -> Array:
        """The forecasts that the network's answer at the end of the window means: `[batch, ahead, targets]`, float64.

        Args:
            answer: `[batch, ahead * targets]`.
        """
        batch, length, _ = chunk.shape
        window = length - ahead
        last = np.array([window - 1])
        scaled = self._scaled_targets(chunk)
        base = self._base(scaled, ahead, last)  # [batch, 1, ahead, targets]
        difference = answer.reshape(batch, ahead, self.targets)
        forecast = difference + base[:, 0]
        return self.above_floor(self.unscaled(forecast))

    def above_floor(self, values: Array) -> Array:
        """The values, of which those below the floor become the floor; `[...]` to the same."""
        return values if self.floor is None else np.maximum(values, self.floor)

    def scaled(self, values: Array) -> Array:
        """(values - mean) / spread, of logarithms where those are read; `[..., targets]` to the same."""
        mean = self.mean[: self.targets]
        spread = self.spread[: self.targets]
        if self.least is not None:
            values = np.log(np.maximum(values, self.least))
        scaled = (values - mean) / spread
        return np.asarray(scaled)

    def unscaled(self, values: Array) -> Array:
        """What `scaled` has made of values as values again; `[..., targets]` to the same."""
        mean = self.mean[: self.targets]
        spread = self.spread[: self.targets]
        unscaled = values * spread + mean
        if self.least is not None:
            unscaled = np.exp(unscaled)
        return np.asarray(unscaled)

    def _scaled_targets(self, chunk: Array) -> Array:
        """`scaled` of the columns to be predicted, `[batch, window + ahead, targets]`."""
        targets = chunk[:, :, : self.targets]
        return self.scaled(targets)

    def _base(self, scaled: Array, ahead: int, steps: Array) -> Array:
        """The forecast that an answer is added to.

        It is zero or, if the scale is relative, that of smoothing, which is made at the window's last step alone, or
        the seasonal naive forecast: the last known value one season, or several, before. Where the window does not
        reach back so far, it is the value of the step itself.

        Args:
            scaled: the targets of a chunk, `[batch, window + ahead, targets]`.
            steps: at which the network answers, `[steps]`.

        Returns:
            `[batch, steps, ahead, targets]`, or a shape that broadcasts to it.
        """
        if not self.relative:
            return np.zeros((1, 1, 1, 1))
        if self.smoothing is not None:
            window = scaled.shape[1] - ahead
            kernels = mean_kernels(self.smoothing, self.season, window, ahead)  # [targets, window, ahead]
            smoothed = [scaled[:, :window, target] @ kernel for target, kernel in enumerate(kernels)]  # [batch, ahead]
            return np.stack(smoothed, axis=-1)[:, None]  # [batch, 1, ahead, targets]
        later = np.arange(1, ahead + 1)  # [ahead]
        ceiling = self.season - 1  # rounds the division up
        seasons = (later + ceiling) // self.season
        now = steps[:, None]  # [steps, 1]
        back = self.season * seasons
        before = now + later - back  # [steps, ahead]
        unseen = before < 0
        index = np.where(unseen, now, before)
        return scaled[:, index]


def answering_steps(config: ForecastConfig) -> Array:
    """The steps of a window at which the network answers, `[steps]`.

    It is the last one or, sequence to sequence, all of them; of a convolution those that end a stride.
    """
    last = config.window - 1
    if config.strategy != "seq2seq":
        return np.array([last])
    if FORECASTERS[config.architecture].convolution:
        return answering_steps_of_convolution(config.window)
    return np.arange(config.window)


def answering_steps_of_convolution(window: int) -> Array:
    """The last step that each place of the convolution sees, `[places]`; the window's last one is among them."""
    last = window - 1
    first = CONVOLUTION - 1  # the first step at which all that the kernel covers lies in the window
    from_the_end = np.arange(last, first - 1, -STRIDE)
    return from_the_end[::-1]


def spread_of(values: Array) -> Array:
    """The standard deviation of each column, `[columns]`; 1 if the column is constant.

    Args:
        values: `[rows, columns]`; a missing value is NaN.
    """
    spread = np.nanstd(values, axis=0)
    constant = spread <= MIN_SPREAD * np.abs(np.nanmean(values, axis=0))
    return np.where(constant, 1.0, spread)


def _four(parameters: Any) -> Parameters:
    """The parameters of a smoothing, read from JSON; raises ValueError unless they are four numbers from 0 to 1."""
    alpha, beta, phi, gamma = map(float, parameters)
    if not all(0.0 <= one <= 1.0 for one in (alpha, beta, phi, gamma)):
        raise ValueError
    return alpha, beta, phi, gamma
