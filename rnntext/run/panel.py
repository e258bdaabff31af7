"""Several series side by side, with gaps."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np

from rnntext.run.arrays import Array


@dataclasses.dataclass(frozen=True)
class Panel:
    """Series of equal length.

    Attributes:
        values: `[series, time, columns]`, without NaN: a missing value repeats the one before it, so that nothing is
            known before its time.
        counted: the same shape, boolean; False where the value is missing.
    """

    values: Array
    counted: Array

    @classmethod
    def of(cls, values: Array) -> Self:
        """The panel of some values, with its gaps filled.

        Args:
            values: `[series, time, columns]`; a missing value is NaN. Each column must begin with a value.
        """
        steps = np.arange(values.shape[1])
        counted = np.isfinite(values)
        own_step = steps[:, None]  # [time, 1]
        known = np.where(counted, own_step, 0)  # [series, time, columns]
        last_known = np.maximum.accumulate(known, axis=1)
        filled = np.take_along_axis(values, last_known, axis=1)
        return cls(filled, counted)

    def equals(self, other: Panel) -> bool:
        """Whether another panel has the same values and gaps."""
        return np.array_equal(self.values, other.values) and np.array_equal(self.counted, other.counted)

    @property
    def columns(self) -> int:
        """The number of columns."""
        return int(self.values.shape[2])

    def between(self, begin: int, end: int) -> Panel:
        """The steps from `begin` to `end`, the latter not included."""
        values = self.values[:, begin:end]
        counted = self.counted[:, begin:end]
        return Panel(values, counted)

    def missing(self) -> Array:
        """The values again, with NaN where they are missing; only the first ones stay, as `of` wants to begin so."""
        counted = self.counted.copy()
        counted[:, 0] = True
        return np.where(counted, self.values, np.nan)

    def origins(self, window: int, ahead: int) -> Array:
        """All places where a window of `window` steps can begin that has `ahead` steps after it.

        Returns:
            `[windows, 2]`: the number of the series, and the step.
        """
        count, time = self.values.shape[:2]
        series = np.arange(count)
        places = time - window - ahead + 1
        places = max(0, places)
        begins = np.arange(places)
        pairs = np.meshgrid(series, begins, indexing="ij")
        grid = np.stack(pairs, axis=-1)  # [series, begins, 2]
        return grid.reshape(-1, 2)

    def chunks(self, origins: Array, length: int) -> tuple[Array, Array]:
        """The values of `length` steps from some places on, `[windows, length, columns]`, and which are not missing.

        Args:
            origins: of the places, `[windows, 2]`, as the method `origins` gives them.
        """
        series = origins[:, :1]  # [windows, 1]
        begins = origins[:, 1:]  # [windows, 1]
        steps = begins + np.arange(length)  # [windows, length]
        place = (series, steps)
        values = self.values[place]
        counted = self.counted[place]
        return values, counted
