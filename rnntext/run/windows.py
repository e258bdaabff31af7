"""What a forecaster sees of a series, and what its answers mean: windows, scales, and the naive forecasts that answers
are relative to. The only place where this is done, for training and for use.

Axis words: `[windows, time, columns]`; the first columns of a series are those to be predicted, the others are known in
advance. A chunk is a window and the `ahead` steps after it, `[windows, window + ahead, columns]`.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np

from rnntext.config import BASELINES, CONVOLUTION, FORECASTERS, STRIDE, ForecastConfig

Array = np.ndarray
TINY = 1e-12  # a spread below this, relative to the mean, is rounding


@dataclasses.dataclass(frozen=True)
class Scale:
    """How numbers become what a network sees. All of it is learnt from training data alone.

    Attributes:
        targets: number of columns to be predicted.
        mean, spread: of each column `[columns]`; a constant one has spread 1.
        season: steps after which the series repeats itself, 1 if it does not.
        relative: whether windows and answers are differences.
    """

    targets: int
    mean: Array
    spread: Array
    season: int
    relative: bool

    @classmethod
    def learn(cls, config: ForecastConfig, training: Array, targets: int, season: int) -> Self:
        """Measures training data `[series, time, columns]`; what is missing is NaN."""
        flat = training.reshape(-1, training.shape[2]).astype(np.float64)
        mean, spread = np.nanmean(flat, axis=0), np.nanstd(flat, axis=0)
        if config.scale == "none":
            mean, spread = np.zeros_like(mean), np.ones_like(spread)
        spread = np.where(spread <= TINY * np.abs(mean), 1.0, spread)
        baseline = config.architecture in BASELINES
        relative = config.scale == "relative" or baseline
        season = 1 if config.architecture == "naive" else season
        return cls(targets, mean, spread, season, relative)

    def to_json(self) -> dict[str, Any]:
        """All fields; arrays as lists."""
        return {**dataclasses.asdict(self), "mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Reads what `to_json` wrote."""
        arrays = {name: np.array(values[name], np.float64) for name in ("mean", "spread")}
        return cls(**{**values, **arrays})

    def inputs(self, chunk: Array, ahead: int) -> Array:
        """What the network reads of a chunk, `[windows, window, features]`, float32: at each step the columns to be
        predicted as they are then, and the known ones as they will be at the next `ahead` steps."""
        window = chunk.shape[1] - ahead
        scaled = (chunk - self.mean) / self.spread
        seen = scaled[:, :window, : self.targets]
        if self.relative:
            seen = seen - seen[:, :1]
        known = [scaled[:, h : window + h, self.targets :] for h in range(1, ahead + 1)]
        return np.concatenate([seen, *known], axis=2).astype(np.float32)

    def labels(self, chunk: Array, ahead: int, steps: Array) -> Array:
        """What the network should answer at some steps of a chunk: `[windows, steps, ahead * targets]`, float32."""
        scaled = self.scaled(chunk[:, :, : self.targets])
        wanted = scaled[:, steps[:, None] + np.arange(1, ahead + 1)] - self._base(scaled, ahead, steps)
        return np.asarray(wanted.reshape(len(chunk), len(steps), -1), np.float32)

    def outputs(self, answer: Array, chunk: Array, ahead: int) -> Array:
        """What the network's answer at the end of the window, `[windows, ahead * targets]`, means:
        `[windows, ahead, targets]`, float64."""
        scaled = self.scaled(chunk[:, :, : self.targets])
        base = self._base(scaled, ahead, np.array([chunk.shape[1] - ahead - 1]))[:, 0]
        found = answer.reshape(len(chunk), ahead, self.targets) + base
        return self.unscaled(found)

    def unscaled(self, values: Array) -> Array:
        """From what the network sees to the columns to be predicted, `[..., targets]`."""
        return np.asarray(values * self.spread[: self.targets] + self.mean[: self.targets])

    def scaled(self, values: Array) -> Array:
        """The reverse of `unscaled`."""
        return np.asarray((values - self.mean[: self.targets]) / self.spread[: self.targets])

    def _base(self, scaled: Array, ahead: int, steps: Array) -> Array:
        """What answers are added to, `[windows, steps, ahead, targets]`: nothing, or the value one season (or more)
        before, or, where the window does not reach back so far, the last one."""
        if not self.relative:
            return np.zeros((1, 1, 1, 1))
        later = np.arange(1, ahead + 1)
        index = steps[:, None] + later - self.season * -(-later // self.season)
        return scaled[:, np.where(index < 0, steps[:, None], index)]


def answering_steps(config: ForecastConfig) -> Array:
    """The steps of a window at which the network answers: the last one, or, sequence to sequence, all of them (of a
    convolution those that end a stride)."""
    last = config.window - 1
    if config.strategy != "seq2seq":
        return np.array([last])
    if not FORECASTERS[config.architecture].convolution:
        return np.arange(config.window)
    return answering_steps_of_convolution(config.window)


def answering_steps_of_convolution(window: int) -> Array:
    """The last steps that each place of the convolution sees; the window's last one is among them."""
    return np.arange(window - 1, CONVOLUTION - 2, -STRIDE)[::-1]
