"""How good forecasts are."""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array

WINDOWS = (0, 1)  # the axes that are summed over; what is left is [targets]


def naive_errors(training: Array, season: int) -> Array:
    """The mean absolute error of the seasonal naive forecast on the training data, `[targets]`, float64.

    It is the mean over t of |y_t - y_(t - season)|, by which MASE divides the errors of a forecast (Hyndman, Koehler
    2006, "Another look at measures of forecast accuracy"). A constant column has 1, as nothing can be divided by 0.

    Args:
        training: `[series, time, targets]`; a missing value is NaN.
        season: in steps.
    """
    now = training[:, season:]
    before = training[:, :-season]
    differences = np.abs(now - before)  # [series, time - season, targets]
    counted = np.isfinite(differences)
    known = np.where(counted, differences, 0.0)
    total = known.sum(axis=WINDOWS)  # [targets]
    number = counted.sum(axis=WINDOWS)  # [targets]
    number = np.maximum(1, number)
    mean = total / number
    return np.where(mean > 0, mean, 1.0)


def accuracy(
    forecast: Array,
    actual: Array,
    counted: Array,
    scale: Array,
) -> dict[str, float]:
    """The errors of forecasts: MSE, MAE and MASE, each the mean over the columns that have actual values.

    Args:
        forecast, actual: `[batch, steps, targets]`.
        counted: the same shape, boolean; where it is False the actual value is missing.
        scale: what MASE divides the errors of each column by, `[targets]`, from `naive_errors`.
    """
    known = np.where(counted, actual, 0.0)
    error = forecast - known
    error = np.where(counted, error, 0.0)
    number = counted.sum(axis=WINDOWS)  # [targets]
    number = np.maximum(1, number)
    squares = error**2
    mse = squares.sum(axis=WINDOWS) / number
    distances = np.abs(error)
    mae = distances.sum(axis=WINDOWS) / number
    mase = mae / scale
    measured = np.flatnonzero(counted.any(axis=WINDOWS))  # [targets with values]
    if not len(measured):
        return {"mse": 0.0, "mae": 0.0, "mase": 0.0}
    return {
        "mse": float(mse[measured].mean()),
        "mae": float(mae[measured].mean()),
        "mase": float(mase[measured].mean()),
    }
