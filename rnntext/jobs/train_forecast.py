"""Training a forecaster: from a table to a version in service."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path

from rnntext.jobs.choice import all_open
from rnntext.jobs.forecaster_recipe import ForecastRecipe
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.training import has_limit, train
from rnntext.series.series import TableStyle
from rnntext.settings.base import as_text, as_texts
from rnntext.settings.forecaster import BASELINES, STEPS, ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig
from rnntext.watch.observer import Observer


def train_forecast(
    source: str,
    path: str | PathLike[str],
    model: ForecastConfig | None = None,
    training: ForecastTraining | None = None,
    *,
    left_open: str | Collection[str] | None = None,
    columns: str | Sequence[str] = (),
    known: str | Sequence[str] = (),
    date_column: str | None = None,
    style: TableStyle | None = None,
    validation: str = "0.2",
    job: JobConfig | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Trains a forecaster, or goes on with its unfinished training, and puts it into service.

    >>> import rnntext
    >>> model = rnntext.ForecastConfig(architecture="linear", window=14, horizon=7)
    >>> training = rnntext.ForecastTraining(steps=2)
    >>> rnntext.train_forecast("sales.csv", "checkpoints/sales", model, training, columns=["units"]).version
    '000001'

    Args:
        source: a CSV file, or `-` for stdin.
        path: the model's folder.
        model: the shape of the model.
        training: how it is trained, and for how long.
        left_open: names of fields of `model` that follow from the series ("window", "network_window"); None: those of
            a model that is not given.
        columns, known, date_column, style: see `series.series.read_series`.
        validation: the fraction, taken from the end, that is held out, or the number of steps.
        job, observer: see `jobs.training.train`, which also says what is raised.
    """
    # 1. Complete what is not given.
    source = as_text("source", source)
    if left_open is None:
        left_open = all_open((model, ForecastConfig))
    free = frozenset(as_texts("left_open", left_open))
    model = model or ForecastConfig()
    training = _with_limit(training or ForecastTraining(), model)
    observer = observer or Observer()

    # 2. Train.
    data = {
        "validation": as_text("validation", validation),
        "sources": [source],
        "column": as_texts("columns", columns),
        "known": as_texts("known", known),
        "date_column": date_column,
        **dataclasses.asdict(style or TableStyle()),
    }
    recipe = ForecastRecipe(source, model, training, data, free, observer.note)
    return train(recipe, Path(path), job, observer)


def _with_limit(training: ForecastTraining, model: ForecastConfig) -> ForecastTraining:
    """The training; one without any limit gets STEPS steps, and that of a model with nothing to learn gets one."""
    if model.architecture in BASELINES:
        return dataclasses.replace(training, epochs=None, steps=1, time_limit=None)
    if has_limit(training):
        return training
    return dataclasses.replace(training, steps=STEPS)
