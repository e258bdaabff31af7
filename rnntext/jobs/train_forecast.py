"""Training a forecaster: from a table to a version in service."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.families import FORECASTER
from rnntext.jobs.forecast_split import Split, split_series
from rnntext.jobs.forecasting import ForecastModel
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Data, IncomparableError, Material
from rnntext.jobs.training import has_limit, train
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run.forecaster_network import shapes
from rnntext.run.forecasters import Forecaster, measure
from rnntext.run.panel import Panel
from rnntext.run.windows import Scale
from rnntext.series.series import read_series
from rnntext.settings.base import as_text, as_texts
from rnntext.settings.forecaster import BASELINES, STEPS, ForecastConfig, ForecastTraining
from rnntext.settings.training import JobConfig
from rnntext.storage.json_files import parse_json, to_json
from rnntext.text import overlap
from rnntext.train import warm
from rnntext.watch.observer import Observer

STRETCH = 3  # consecutive steps by which a place of a series is recognised elsewhere
MAX_KEPT = 5000  # held-out steps that are stored with a version, to measure its bands on
Report = Callable[[str], None]


def train_forecast(
    source: str,
    path: str | PathLike[str],
    model: ForecastConfig | None = None,
    training: ForecastTraining | None = None,
    *,
    columns: str | Sequence[str] = (),
    known: str | Sequence[str] = (),
    date_column: str | None = None,
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
        columns, known, date_column: see `series.series.read_series`.
        validation: the fraction, taken from the end, that is held out.
        job, observer: see `jobs.training.train`, which also says what is raised.
    """
    # 1. Complete what is not given.
    source = as_text("source", source)
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
    }
    recipe = ForecastRecipe(source, model, training, data, observer.note)
    return train(recipe, Path(path), job, observer)


def _with_limit(training: ForecastTraining, model: ForecastConfig) -> ForecastTraining:
    """The training; one without any limit gets STEPS steps, and that of a model with nothing to learn gets one."""
    if model.architecture in BASELINES:
        return dataclasses.replace(training, epochs=None, steps=1, time_limit=None)
    if has_limit(training):
        return training
    return dataclasses.replace(training, steps=STEPS)


class ForecastRecipe:
    """What is special about training a forecaster; see `jobs.recipe.Recipe`.

    Args:
        data: the options that say what is read and held out, by name.
        report: is told what the user should know about the series.
    """

    family = FORECASTER
    free: frozenset[str] = frozenset()

    def __init__(
        self, source: str, model: ForecastConfig, training: ForecastTraining, data: dict[str, Any], report: Report
    ) -> None:
        self.source = source
        self.model = model
        self.training = training
        self.data = data
        self.report = report
        self.options: Options = {"model": model.to_json(), "training": training.to_json(), "data": data}

    # The beginning of a run -------------------------------------------------------------------------------------------

    def read(self) -> Data:
        """See Recipe."""
        series = read_series(self.source, self.data["column"], self.data["known"], self.data["date_column"])
        split = split_series(series, self.model, self.data["validation"])
        arrays = _arrays(split)
        contents = b"".join(array.tobytes() for array in arrays.values())
        digest = hashlib.sha256(contents).hexdigest()
        seen = overlap.of_sentences(_stretches(arrays["training"]), overlap.MAX_HASHES)
        return Data(digest, seen, (series, split))

    def choose(self, data: Data, parent: ForecastModel | None) -> Mapping[str, Any]:
        """See Recipe. A forecaster leaves nothing open."""
        return {}

    def settled(self, chosen: Mapping[str, Any]) -> ForecastRecipe:
        """See Recipe."""
        return self

    def begin(self, data: Data, parent: ForecastModel | None) -> Snapshot:
        """See Recipe."""
        # 1. Tell the user about the series.
        series, split = data.content
        for sentence in [*series.notes, *split.notes]:
            self.report(sentence)

        # 2. Take over weights and scale of the parent: the weights fit no other scale.
        scale = split.scale
        start: dict[str, np.ndarray] = {}
        if parent is not None:
            scale = parent.engine.scale
            weights = parent.checkpoint.arrays(shapes(self.model, len(series.targets), len(series.known)))
            start = warm.to_arrays(weights, {}, 0)

        # 3. Make the snapshot.
        about = {
            "columns": series.targets,
            "known": series.known,
            "date_column": self.data["date_column"],
            "step": series.axis.step,
            "scale": scale.to_json(),
            "naive_errors": split.naive_errors.tolist(),
        }
        files = {"series.json": to_json(about)}
        arrays = {**_arrays(split), **start}
        return Snapshot(self.family.kind, self.options, files, arrays, data.digest)

    # Its material -----------------------------------------------------------------------------------------------------

    def open(self, snapshot: Snapshot) -> Material:
        """See Recipe."""
        from rnntext.train.forecast_task import ForecastTask

        # 1. Read the snapshot.
        about = parse_json(snapshot.files["series.json"], Path("series.json"))
        scale = Scale.from_json(about["scale"])
        errors = np.array(about["naive_errors"])  # [targets]
        training = Panel.of(snapshot.arrays["training"])  # [1, time, columns]
        held_out = Panel.of(snapshot.arrays["held_out"])

        # 2. Measure the naive forecast.
        naive = "seasonal naive" if scale.season > 1 else "naive"
        naive_score = self._naive_score(scale, len(about["known"]), held_out, errors)
        if self.model.architecture not in BASELINES:
            self.report(f"to beat: {naive} forecast, {naive_score:.4f} held-out MASE")

        def verdict(score: float) -> str | None:
            if score <= naive_score:
                return None
            return (
                f"worse than the {naive} forecast ({naive_score:.4f}): another --architecture, --window or --season "
                "may help, or more data"
            )

        # 3. Put the material together.
        return Material(
            ForecastTask(self.model, self.training, scale, training, held_out, errors),
            files={"series.json": snapshot.files["series.json"], "held_out.json": to_json(self._kept(held_out))},
            about={"steps": training.values.shape[1], "held_out": held_out.values.shape[1] - self.model.window},
            held_out=lambda: self._held_out_hashes(snapshot.arrays["held_out"]),
            score=lambda champion: self._score(champion, snapshot, about),
            verdict=verdict,
        )

    def _naive_score(self, scale: Scale, known: int, held_out: Panel, errors: np.ndarray) -> float:
        """The MASE of the (seasonal) naive forecast on held-out data.

        Args:
            known: number of columns known in advance.
            errors: see `Split.naive_errors`.
        """
        config = dataclasses.replace(self.model, architecture="naive", layers=None, units=None, recurrent_output=False)
        relative_scale = dataclasses.replace(scale, relative=True)
        engine = Forecaster(config, relative_scale, known, {})
        return measure(engine, held_out, errors)[self.family.metric]

    def _kept(self, held_out: Panel) -> list[list[float | None]]:
        """The held-out steps that are stored with a version, a window before them, as `[time, columns]`; None where a
        value is missing."""
        end = held_out.values.shape[1]
        begin = max(0, end - MAX_KEPT - self.model.window)
        values = held_out.between(begin, end).missing()[0]  # [time, columns]
        kept = []
        for row in values.tolist():
            kept.append([None if np.isnan(value) else value for value in row])
        return kept

    def _held_out_hashes(self, values: np.ndarray) -> overlap.Hashes:
        """Hashes of all stretches that end in the held-out part.

        Args:
            values: `[1, time, columns]`, the last window of the training part before the held-out part.
        """
        begin = self.model.window - STRETCH + 1
        return overlap.of_sentences(_stretches(values[:, begin:]))

    # The version in service -------------------------------------------------------------------------------------------

    def _score(self, champion: ForecastModel, snapshot: Snapshot, about: Mapping[str, Any]) -> float:
        """The MASE of the version in service on held-out data; its window may be another one.

        Args:
            about: see `begin`.
        """
        for name in ("columns", "known", "step"):
            if champion.about[name] != about[name]:
                raise IncomparableError(f"the version in service has other {name}: {champion.about[name]}")
        training = snapshot.arrays["training"]  # [1, time, columns]
        held_out = snapshot.arrays["held_out"][:, self.model.window :]
        whole = np.concatenate([training, held_out], 1)
        window = champion.config.window
        begin = training.shape[1] - window
        if begin < 0:
            raise IncomparableError(f"the version in service reads {window} values, more than there are to train on")
        panel = Panel.of(whole).between(begin, whole.shape[1])
        errors = np.array(about["naive_errors"])  # [targets]
        return champion.measure(panel, errors)[self.family.metric]

    def check_comparable(self, champion: ForecastModel) -> None:
        """See Recipe."""
        names = {"columns": "column", "known": "known", "date_column": "date_column"}  # option by its name in a version
        for name, option in names.items():
            wanted = self.data[option]
            if wanted and champion.about[name] != wanted:
                raise IncomparableError(f"the version in service has other {name}: {champion.about[name]}")
        if champion.config.measured != self.model.measured:
            raise IncomparableError(f"the version in service predicts {champion.config.measured} values")


def _arrays(split: Split) -> dict[str, np.ndarray]:
    """Both parts of a series, `[1, time, columns]` each, with NaN where a value is missing."""
    return {"training": split.training.missing(), "held_out": split.held_out.missing()}


def _stretches(values: np.ndarray) -> Iterator[str]:
    """Every STRETCH consecutive steps of a series as a text, by which they are recognised elsewhere.

    Args:
        values: `[1, time, columns]`.
    """
    steps = [",".join(map(repr, row)) for row in values[0].tolist()]
    for begin in range(len(steps) - STRETCH + 1):
        yield ";".join(steps[begin : begin + STRETCH])
