"""Series side by side, with gaps."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Panel:
    """Some series of equal length.

    Attributes:
        values: `[series, time, columns]`, without NaN: what is missing repeats the value before it, so that nothing
            is known before its time.
        counted: the same shape, boolean: what is not missing.
    """

    values: Array
    counted: Array

    @classmethod
    def of(cls, values: Array) -> Self:
        """Fills the gaps of `[series, time, columns]`; what is missing is NaN. Each column must begin with a value."""
        counted = np.isfinite(values)
        place = np.where(counted, np.arange(values.shape[1])[:, None], 0)
        filled = np.take_along_axis(values, np.maximum.accumulate(place, axis=1), axis=1)
        return cls(filled, counted)

    @property
    def columns(self) -> int:
        """How many there are."""
        return int(self.values.shape[2])

    def between(self, begin: int, end: int) -> Panel:
        """A stretch of time."""
        return Panel(self.values[:, begin:end], self.counted[:, begin:end])

    def missing(self) -> Array:
        """The values again, with NaN where they are missing; but the first ones stay, as `of` must begin somewhere."""
        counted = self.counted.copy()
        counted[:, 0] = True
        return np.where(counted, self.values, np.nan)

    def origins(self, window: int, ahead: int) -> Array:
        """All places where a window with `ahead` steps after it begins: `[windows, 2]`, series and time."""
        series, time = self.values.shape[:2]
        begins = np.arange(max(0, time - window - ahead + 1))
        return np.stack(np.meshgrid(np.arange(series), begins, indexing="ij"), axis=-1).reshape(-1, 2)

    def chunks(self, origins: Array, length: int) -> tuple[Array, Array]:
        """What lies at some places, `[windows, length, columns]`, and what of it is not missing."""
        place = (origins[:, :1], origins[:, 1:] + np.arange(length))
        return self.values[place], self.counted[place]
