"""The step of a time axis, and the place of each value on it, where values may lie a little beside their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from rnntext.series.dates import DateError

MAX_OFFSET = 0.1  # steps that a value may lie beside its place
MAX_STEPS = 2**40
EXACT = 1e-6  # steps; less is rounding
SAME = 5e-4  # relative; steps that are found by a fit and differ less are the same
ROUNDS = 3  # of finding the step by the places and the places by the step
DAY = 86_400.0  # seconds
TIME_UNITS = (DAY, 3600.0, 900.0, 300.0, 60.0, 30.0, 15.0, 5.0, 1.0, 0.1, 0.01, 0.001)  # of steps, in seconds
DECIMAL_UNITS = tuple(10.0**exponent for exponent in range(15, -16, -1))

Places = np.ndarray  # the place of each cell on an axis, `[cells]`, from 0


def regular(
    values: np.ndarray,
    step: float | None,
    units: Sequence[float],
    name: Callable[[int], str],
    words: Callable[[float], str],
) -> tuple[float, Places]:
    """The step of values, and their places.

    Values may come late or drift, as those of a loop that takes a little longer than it should: then the step is the
    mean one, rounded as far as the values allow.

    Args:
        values: `[cells]`, in any order.
        step: if the user has given it, each value is put to the nearest place; None: it is found.
        units: the step is a multiple of one of these, if it is not exact.
        name: of the value in a row, for messages.
        words: a step in words, for messages.

    Raises:
        DateError: a value lies between two steps.
    """
    first = values.min()
    # 1. A given step: its places lie where most values lie.
    if step is not None:
        angles = (values - first) * (2j * np.pi / step)
        origin = np.angle(np.exp(angles).mean()) / (2 * np.pi) * step
        places = np.rint((values - first - origin) / step).astype(int)
        return step, places - places.min()
    # 2. The most frequent difference, if all values fit it exactly.
    ordered, index = np.unique(values, return_inverse=True)
    differences = np.diff(ordered)
    step = usual(differences) or 1.0
    distances = (values - first) / step
    row = int(distances.argmax())
    if distances[row] > MAX_STEPS:
        raise DateError(f"{name(row)} is too far from the others, which are {words(step)} apart", row)
    places = np.rint(distances).astype(int)
    offsets = np.abs(distances - places)
    if offsets.max() <= EXACT:
        return step, places
    # 3. The mean difference, if all values lie near to its places.
    for start in (step, float(np.median(differences))):
        fitted = _fitted(ordered, start, units)
        if fitted is not None:
            return fitted[0], fitted[1][index]
    # 4. The first value that does not fit.
    row = int(np.argmax(offsets > MAX_OFFSET))
    raise DateError(
        f"{name(row)} lies between two steps of {words(step)}; bring the series to regular steps, or give --step: "
        "each value then goes to the nearest step",
        row,
    )


def usual(differences: np.ndarray) -> float | None:
    """The most frequent difference, and of several the smallest. They are compared to six digits."""
    if not len(differences):
        return None
    exponents = np.floor(np.log10(differences))
    scale = 10.0 ** (5 - exponents)
    counts = Counter(np.rint(differences * scale) / scale)
    highest = max(counts.values())
    most_frequent = min(difference for difference, count in counts.items() if count == highest)
    return float(differences[np.abs(differences - most_frequent).argmin()])


def _fitted(ordered: np.ndarray, step: float, units: Sequence[float]) -> tuple[float, Places] | None:
    """The mean step of values that lie near to regular places, and these places; None if they do not.

    Args:
        ordered: the values, `[values]`.
        step: what it is, about.
    """
    # 1. Find places and step by turns, at first by differences that cannot be several steps.
    differences = np.diff(ordered)
    step = float(differences[differences < 1.5 * step].mean())
    for _ in range(ROUNDS):
        counts = np.rint(differences / step)
        if not counts.all():  # Two values would have one place.
            return None
        step = float(differences.sum() / counts.sum())
    places = np.concatenate([[0], counts.cumsum()]).astype(int)
    step = float(np.polyfit(places, ordered - ordered[0], 1)[0])
    # 2. Check that all values lie near to their places.
    residuals = ordered - step * places
    spread = float(np.ptp(residuals))
    if spread > 2 * MAX_OFFSET * step:
        return None
    # 3. Round the step as far as the values allow, and so that later values of the same clock have the same step.
    tolerance = max(2 * spread / int(places[-1]), SAME * step)
    for unit in units:
        rounded = float(np.rint(step / unit)) * unit
        if rounded and abs(rounded - step) <= tolerance:
            return rounded, places
    return step, places


def gaps(places: Places) -> int:
    """The number of steps without a value."""
    return int(places.max()) + 1 - len(np.unique(places))


def refuse_sparse(places: Places, step: str) -> None:
    """Raises DateError if numbers have more gaps than values, as dates have that are read as numbers: 2012, 2101.

    Args:
        step: in words.
    """
    if gaps(places) > len(np.unique(places)):
        raise DateError(
            f"most steps of {step} have no value; give --date-format if these are dates, or --step if they are numbers"
        )
