"""A series cut in two by time: the first part is learnt from, the second part is held out."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np

from rnntext.errors import DataError, UsageError
from rnntext.jobs.training import fraction
from rnntext.run.accuracy import naive_errors
from rnntext.run.panel import Panel
from rnntext.run.season import find_season
from rnntext.run.windows import Scale
from rnntext.series.series import Series
from rnntext.settings.forecaster import ForecastConfig

STRETCH = 3  # consecutive steps by which a place of a series is recognised elsewhere


@dataclasses.dataclass(frozen=True)
class Split:
    """A series cut in two, and all that is learnt from its first part before the training.

    Attributes:
        config: of the model.
        training: the first part, values `[1, time, columns]`; the ladder has `[series, time, columns]`.
        held_out: the second part, the same axes. It begins with the last `window` steps of the first part, from which
            the first forecast is made.
        scale: learnt from the first part alone.
        naive_errors: of each target in the first part, `[targets]`, by its own season, whatever the window is.
        notes: sentences for the user about the series.
    """

    config: ForecastConfig
    training: Panel
    held_out: Panel
    scale: Scale
    naive_errors: np.ndarray
    notes: list[str]

    @property
    def known(self) -> int:
        """Number of columns known in advance."""
        return self.training.columns - self.scale.targets

    def arrays(self) -> dict[str, np.ndarray]:
        """Both parts by name, `[1, time, columns]` each, with NaN where a value is missing."""
        return {"training": self.training.missing(), "held_out": self.held_out.missing()}


def split_series(series: Series, config: ForecastConfig, validation: str) -> Split:
    """The two parts of a series.

    Args:
        validation: the fraction that is held out, or the number of steps.

    Raises:
        DataError: a part is too short for a window and a forecast.
        UsageError: `validation` is neither, or season and window do not go together.
    """
    # 1. Find the step at which the second part begins.
    whole = Panel.of(series.values[None])  # [1, time, columns]
    total = whole.values.shape[1]
    number, share = _held_out(validation)
    cut = _first_held_out(total, validation)

    # 2. Check that both parts are long enough.
    min_training = config.window + config.ahead
    min_held_out = config.measured
    if 0 < number < min_held_out:
        raise UsageError(f"--validation {validation}: must be at least {min_held_out}, as --horizon is")
    if cut < min_training or total - cut < min_held_out:
        for_training = -(-min_training // (1.0 - share))  # rounded up
        for_held_out = -(-min_held_out // share) if share else 0
        min_total = max(for_training, for_held_out) + 1 + number
        wanted = f"--window {config.window} and --horizon {config.horizon}"
        advice = "a smaller --window or --validation"
        if total - cut < min_held_out or config.window == 1:
            wanted = f"--horizon {config.horizon}"
            advice = f"a smaller --horizon or a {'larger' if total - cut < min_held_out else 'smaller'} --validation"
        raise DataError(
            f"{series.source}: {total} values are too few for {wanted} with {number or share:g} of them held out; "
            f"give {min_total:.0f}, or {advice}"
        )

    # 3. Cut.
    training = whole.between(0, cut)
    held_out = whole.between(cut - config.window, total)
    return make_split(series, config, training, held_out)


def training_part(series: Series, validation: str) -> Panel:
    """The first part of a series, `[1, time, columns]`."""
    whole = Panel.of(series.values[None])  # [1, time, columns]
    return whole.between(0, max(1, _first_held_out(whole.values.shape[1], validation)))


def _first_held_out(total: int, validation: str) -> int:
    """The step at which the second part of a series begins, of `total` steps."""
    number, share = _held_out(validation)
    return total - number if number else int(total * (1.0 - share))


def _held_out(validation: str) -> tuple[int, float]:
    """The number of steps that the value of `--validation` stands for, and the fraction; one of them is 0."""
    if validation.isdecimal() and int(validation) >= 1:
        return int(validation), 0.0
    with contextlib.suppress(UsageError):
        if share := fraction(validation):
            return 0, share
    raise UsageError(f"--validation {validation}: must be a fraction between 0 and 1, or a number of steps")


def make_split(series: Series, config: ForecastConfig, training: Panel, held_out: Panel) -> Split:
    """The split of a series whose parts are given; season, scale and naive errors are learnt from the first part.

    Raises:
        UsageError: season and window do not go together, or a seasonal naive forecast is wanted without a season.
    """
    # 1. Find the season of the first column: that within the window, and that of the series.
    notes = [*_constant_columns(series, training), *_unmeasured_targets(series, held_out, config.window)]
    first = training.values[0, :, 0]  # [time]
    season = config.season or find_season(first, config.window)
    own_season = config.season or find_season(first, len(first))

    # 2. Tell what the user should know about it.
    if season > config.window:
        raise UsageError(f"--season {season}: must not be more than --window {config.window}")
    if season > 1 and config.season is None:
        notes.append(f"{series.source}: a season of {season} steps")
    if own_season > config.window:
        notes.append(
            f"{series.source}: a season of {own_season} steps seems longer than --window {config.window}; give "
            f"--window {own_season} or more"
        )
    if season == 1 and config.architecture == "seasonal-naive":
        hint = f"{series.source}: no season within --window {config.window}; give --season N if there is one"
        raise UsageError(notes[-1] if own_season > 1 else hint)

    # 3. Learn the scale and the errors of the naive forecast.
    targets = len(series.targets)
    values = training.missing()  # [series, time, columns]
    scale = Scale.learn(config, values, targets, season)
    errors = naive_errors(values[:, :, :targets], own_season)  # [targets]
    return Split(config, training, held_out, scale, errors, notes)


def _constant_columns(series: Series, training: Panel) -> list[str]:
    """A sentence about each column that is constant."""
    notes = []
    names = [*series.targets, *series.known]
    rows = training.values.reshape(-1, training.columns)  # [series * time, columns]
    for name, column in zip(names, rows.T):
        if np.ptp(column) == 0:
            notes.append(f"{series.source}: {name} is constant, {column[0]:g}, in the data to learn from")
    return notes


def _unmeasured_targets(series: Series, held_out: Panel, window: int) -> list[str]:
    """A sentence about each target without held-out values.

    Args:
        held_out: begins with a window before the held-out part.
    """
    counts = held_out.counted[0, window:].sum(axis=0).tolist()  # [columns]
    return [
        f"{series.source}: {name} has no held-out values: it does not count in the score, and has no band"
        for name, count in zip(series.targets, counts, strict=False)
        if not count
    ]


def stretches(values: np.ndarray) -> Iterator[str]:
    """Every STRETCH consecutive steps of a series as a text, by which they are recognised elsewhere.

    Args:
        values: `[1, time, columns]`.
    """
    steps = [",".join(map(repr, row)) for row in values[0].tolist()]
    for begin in range(len(steps) - STRETCH + 1):
        yield ";".join(steps[begin : begin + STRETCH])
