"""How good forecasts are."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def naive_errors(training: Array, season: int) -> Array:
    """Mean absolute error of the seasonal naive forecast on the training data `[series, time, targets]` (missing: NaN),
    `[targets]`: what errors are compared with in MASE (Hyndman, Koehler 2006). A constant column gives 1."""
    differences = np.abs(training[:, season:] - training[:, :-season])
    counted = np.isfinite(differences)
    total = np.where(counted, differences, 0.0).sum(axis=(0, 1))
    found = total / np.maximum(1, counted.sum(axis=(0, 1)))
    return np.where(found > 0, found, 1.0)


def accuracy(found: Array, wanted: Array, counted: Array, scale: Array) -> dict[str, float]:
    """MSE, MAE and MASE of forecasts.

    Args:
        found, wanted, counted: `[windows, steps, targets]`; where `counted` is False, nothing is known.
        scale: of each target, from `naive_errors`.
    """
    error = np.where(counted, found - np.where(counted, wanted, 0.0), 0.0)
    number = np.maximum(1, counted.sum(axis=(0, 1)))
    return {
        "mse": float(np.mean((error**2).sum(axis=(0, 1)) / number)),
        "mae": float(np.mean(np.abs(error).sum(axis=(0, 1)) / number)),
        "mase": float(np.mean(np.abs(error).sum(axis=(0, 1)) / number / scale)),
    }
