"""Training a forecaster: from a table to a version in service."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.config import BASELINES, ForecastConfig, ForecastTraining, JobConfig
from rnntext.errors import DataError, UsageError
from rnntext.jobs.forecasting import ForecastModel
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Data, IncomparableError
from rnntext.jobs.training import fraction, train
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run.accuracy import naive_errors
from rnntext.run.forecasters import Forecaster, measure, shapes
from rnntext.run.panel import Panel
from rnntext.run.season import find_season
from rnntext.run.windows import Scale
from rnntext.storage.checkpoint import Checkpoint, parse_json, to_json
from rnntext.text import overlap
from rnntext.text.series import Series, read_series
from rnntext.train import warm
from rnntext.train.observer import Observer

METRIC = "mase"
STEPS = 1000  # of a training without a budget of its own
STRETCH = 3  # steps that tell one place of a series from another
MOST_KEPT = 5000  # held-out steps that a version carries along, to measure its bands on
Report = Callable[[str], None]


def train_forecast(
    source: str,
    path: str | PathLike[str],
    model: ForecastConfig | None = None,
    training: ForecastTraining | None = None,
    *,
    columns: Sequence[str] = (),
    known: Sequence[str] = (),
    date_column: str | None = None,
    validation: str = "0.2",
    job: JobConfig | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Trains a forecaster, or goes on with its unfinished training, and puts it into service.

    Args:
        source: a CSV file, or `-`.
        path: the model's folder.
        model, training: shape and budget.
        columns, known, date_column: see `text.series.read_series`.
        validation: the fraction, taken from the end, that is held out.
        job, observer: see `jobs.training.train`, which also says what is raised.
    """
    budget = _with_budget(training or ForecastTraining(), model or ForecastConfig())
    data = {
        "validation": validation,
        "sources": [source],
        "column": list(columns),
        "known": list(known),
        "date_column": date_column,
    }
    report = (observer or Observer()).note
    recipe = ForecastRecipe(source, model or ForecastConfig(), budget, data, report)
    outcome = train(recipe, Path(path), job, observer)
    if outcome.state == "finished" and outcome.score is not None and outcome.score > recipe.to_beat:
        report(
            f"worse than the {recipe.naive} forecast ({recipe.to_beat:.4f}): another --architecture, --window or "
            "--season may help, or more data"
        )
    return outcome


def _with_budget(training: ForecastTraining, model: ForecastConfig) -> ForecastTraining:
    """Without any budget, STEPS; a model that has nothing to learn does so in one step."""
    if model.architecture in BASELINES:
        return dataclasses.replace(training, epochs=None, steps=1, time_limit=None)
    if (training.epochs, training.steps, training.time_limit) == (None, None, None):
        return dataclasses.replace(training, steps=STEPS)
    return training


class ForecastRecipe:
    """See `jobs.training.Recipe`."""

    kind, metric, label, higher = "forecaster", METRIC, "MASE", False
    free: frozenset[str] = frozenset()

    def __init__(
        self, source: str, model: ForecastConfig, training: ForecastTraining, data: dict[str, Any], report: Report
    ) -> None:
        self.source, self.model, self.training, self.report = source, model, training, report
        self.data = data
        self.naive, self.to_beat = "", math.inf  # known as soon as there is a task
        self.options: Options = {"model": model.to_json(), "training": training.to_json(), "data": data}

    def read(self) -> Data:
        """See Recipe."""
        found = read_series(self.source, self.data["column"], self.data["known"], self.data["date_column"])
        split = split_series(found, self.model, self.data["validation"])
        arrays = _arrays(split)
        digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest()
        return Data(digest, overlap.of_sentences(_stretches(arrays["training"]), overlap.MOST), (found, split))

    def choose(self, data: Data, parent: Checkpoint | None) -> Mapping[str, Any]:
        """See Recipe. Nothing is left open."""
        return {}

    def settled(self, chosen: Mapping[str, Any]) -> ForecastRecipe:
        """See Recipe."""
        return self

    def begin(self, data: Data, parent: Checkpoint | None) -> Snapshot:
        """See Recipe."""
        found, split = data.content
        for sentence in [*found.notes, *split.notes]:
            self.report(sentence)
        scale, start = split.scale, {}
        if parent is not None:  # its weights know its own scale
            scale = ForecastModel(parent).engine.scale
            start = warm.to_arrays(parent.arrays(shapes(self.model, len(found.targets), len(found.known))), {}, 0)
        about = {
            "columns": found.targets,
            "known": found.known,
            "date_column": self.data["date_column"],
            "step": found.axis.step,
            "scale": scale.to_json(),
            "naive_errors": split.naive_errors.tolist(),
        }
        files = {"series.json": to_json(about)}
        return Snapshot(self.kind, self.options, files, {**_arrays(split), **start}, data.digest)

    def task(self, snapshot: Snapshot) -> Any:
        """See Recipe."""
        from rnntext.train.forecast_task import ForecastTask

        about = parse_json(snapshot.files["series.json"], Path("series.json"))
        training, held_out = (Panel.of(snapshot.arrays[name]) for name in ("training", "held_out"))
        scale, errors = Scale.from_json(about["scale"]), np.array(about["naive_errors"])
        config = dataclasses.replace(self.model, architecture="naive", layers=None, units=None, recurrent_output=False)
        engine = Forecaster(config, dataclasses.replace(scale, relative=True), len(about["known"]), {})
        self.naive = "seasonal naive" if scale.season > 1 else "naive"
        self.to_beat = measure(engine, held_out, errors)[METRIC]
        if self.model.architecture not in BASELINES:
            self.report(f"to beat: {self.naive} forecast, {self.to_beat:.4f} held-out MASE")
        return ForecastTask(self.model, self.training, scale, training, held_out, errors)

    def files(self, snapshot: Snapshot) -> dict[str, bytes]:
        """See Recipe."""
        panel = Panel.of(snapshot.arrays["held_out"])
        end = panel.values.shape[1]
        kept = panel.between(max(0, end - MOST_KEPT - self.model.window), end).missing()[0]
        values = [[None if np.isnan(value) else value for value in row] for row in kept.tolist()]
        return {"series.json": snapshot.files["series.json"], "held_out.json": to_json(values)}

    def about(self, snapshot: Snapshot) -> dict[str, Any]:
        """See Recipe."""
        steps, held_out = (snapshot.arrays[name].shape[1] for name in ("training", "held_out"))
        return {"steps": steps, "held_out": held_out - self.model.window}

    def held_out(self, snapshot: Snapshot) -> overlap.Hashes:
        """See Recipe."""
        return overlap.of_sentences(_stretches(snapshot.arrays["held_out"][:, self.model.window - STRETCH + 1 :]))

    def check_comparable(self, champion: Checkpoint) -> None:
        """See Recipe."""
        model = ForecastModel(champion)
        wanted = {"columns": self.data["column"], "known": self.data["known"], "date_column": self.data["date_column"]}
        for name, value in wanted.items():
            if value and model.about[name] != value:
                raise IncomparableError(f"the version in service has other {name}: {model.about[name]}")
        if model.config.measured != self.model.measured:
            raise IncomparableError(f"the version in service predicts {model.config.measured} values")

    def score(self, champion: Checkpoint, snapshot: Snapshot) -> float:
        """See Recipe."""
        model = ForecastModel(champion)
        about = parse_json(snapshot.files["series.json"], Path("series.json"))
        for name in ("columns", "known", "step"):
            if model.about[name] != about[name]:
                raise IncomparableError(f"the version in service has other {name}: {model.about[name]}")
        window = model.config.window
        whole = np.concatenate([snapshot.arrays["training"], snapshot.arrays["held_out"][:, self.model.window :]], 1)
        begin = snapshot.arrays["training"].shape[1] - window
        if begin < 0:
            raise IncomparableError(f"the version in service reads {window} values, more than there are to train on")
        held_out = Panel.of(whole).between(begin, whole.shape[1])
        return model.measure(held_out, np.array(about["naive_errors"]))["mase"]


def _arrays(split: Split) -> dict[str, np.ndarray]:
    return {"training": split.training.missing(), "held_out": split.held_out.missing()}


def _stretches(values: np.ndarray) -> Iterator[str]:
    """Every STRETCH steps of a series `[1, time, columns]` as a text, to notice them elsewhere."""
    rows = [",".join(map(repr, row)) for row in values[0].tolist()]
    return (";".join(rows[i : i + STRETCH]) for i in range(len(rows) - STRETCH + 1))


# Splitting ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Split:
    """A series cut in two by time, and all that is learnt from the first part before training begins.

    Attributes:
        training: the first part.
        held_out: the second, with the last `window` steps of the first before it, to make the first forecast from.
        scale, naive_errors: learnt from the first part alone.
        notes: what was found, in sentences.
    """

    training: Panel
    held_out: Panel
    scale: Scale
    naive_errors: np.ndarray
    notes: list[str]

    @property
    def known(self) -> int:
        """Number of columns known in advance."""
        return self.training.columns - self.scale.targets


def split_series(series: Series, config: ForecastConfig, validation: str) -> Split:
    """Cuts a series and looks at its first part.

    Raises:
        DataError: a part is too short for a window and a forecast.
        UsageError: the seasonal naive forecast is wanted, but there is no season.
    """
    share = fraction(validation)
    if share is None:
        raise UsageError(f"--validation {validation}: must be a fraction between 0 and 1")
    whole = Panel.of(series.values[None])
    total = whole.values.shape[1]
    cut = int(total * (1.0 - share))
    if cut < config.window + config.ahead or total - cut < config.measured:
        least = max(-(-(config.window + config.ahead) // (1.0 - share)), -(-config.measured // share)) + 1
        raise DataError(
            f"{series.source}: {total} values are too few for --window {config.window} and --horizon {config.horizon} "
            f"with {share:g} of them held out; give {least:.0f}, or a smaller --window"
        )
    training = whole.between(0, cut)
    return make_split(series, config, training, whole.between(cut - config.window, total))


def make_split(series: Series, config: ForecastConfig, training: Panel, held_out: Panel) -> Split:
    """Looks at training data: season, scale, errors of the naive forecast."""
    targets, notes = len(series.targets), []
    for name, column in zip([*series.targets, *series.known], training.values.reshape(-1, training.columns).T):
        if np.ptp(column) == 0:
            notes.append(f"{series.source}: {name} is constant, {column[0]:g}, in the data to learn from")
    first = training.values[0, :, 0]
    season = config.season or find_season(first, config.window)
    longer = find_season(first, len(first)) if season == 1 else 1
    hint = f"a season of {longer} steps seems longer than --window {config.window}; give --window {longer} or more"
    if config.architecture == "seasonal-naive" and season == 1:
        advice = hint if longer > 1 else f"no season within --window {config.window}; give --season N if there is one"
        raise UsageError(f"{series.source}: {advice}")
    if longer > 1:
        notes.append(f"{series.source}: {hint}")
    if season > config.window:
        raise UsageError(f"--season {season}: must not be more than --window {config.window}")
    if season > 1 and config.season is None:
        notes.append(f"{series.source}: a season of {season} steps")
    known = training.missing()
    scale = Scale.learn(config, known, targets, season)
    return Split(training, held_out, scale, naive_errors(known[:, :, :targets], season), notes)
