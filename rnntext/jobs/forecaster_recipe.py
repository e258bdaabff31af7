"""What the training of a forecaster does differently from that of other models."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnntext.families import FORECASTER
from rnntext.jobs.choice import asked, filled
from rnntext.jobs.forecast_smoothing import choose_window, with_smoothing
from rnntext.jobs.forecast_split import STRETCH, Split, split_series, stretches, training_part
from rnntext.jobs.forecasting import ForecastModel
from rnntext.jobs.recipe import Data, IncomparableError, Material
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run.arrays import Weights
from rnntext.run.forecasters import Forecaster, measure
from rnntext.run.panel import Panel
from rnntext.run.windows import Scale
from rnntext.series.series import Series, TableStyle, read_series
from rnntext.settings.forecaster import BASELINES, WINDOW, ForecastConfig, ForecastTraining
from rnntext.storage.json_files import parse_json, to_json
from rnntext.text import overlap
from rnntext.train import warm

if TYPE_CHECKING:
    from rnntext.train.forecast_task import ForecastTask

SERVING = "serving."  # begins the names of a parent's weights that were fitted to all of its data
MAX_KEPT = 5000  # held-out steps that are stored with a version, to measure its bands on
Report = Callable[[str], None]


class ForecastRecipe:
    """What is special about training a forecaster; see `jobs.recipe.Recipe`.

    Args:
        data: the options that say what is read and held out, by name.
        free: names of fields of the model that the command leaves open.
        report: is told what the user should know about the series.
    """

    family = FORECASTER

    def __init__(
        self,
        source: str,
        model: ForecastConfig,
        training: ForecastTraining,
        data: dict[str, Any],
        free: frozenset[str],
        report: Report,
    ) -> None:
        self.source = source
        self.model = model
        self.free = free
        self.training = training
        self.data = data
        self.style = TableStyle(**{name: data[name] for name in vars(TableStyle())})
        self.report = report
        self.options: Options = {"model": asked(model, free), "training": training.to_json(), "data": data}

    # The beginning of a run -------------------------------------------------------------------------------------------

    def read(self, folder: Path) -> Data:
        """See Recipe."""
        series = read_series(self.source, self.data["column"], self.data["known"], self.data["date_column"], self.style)
        split = self._split(series, self._shaped(series))
        arrays = split.arrays()
        contents = b"".join(array.tobytes() for array in arrays.values())
        digest = hashlib.sha256(contents).hexdigest()
        seen = overlap.of_sentences(stretches(arrays["training"]), overlap.MAX_HASHES)
        return Data(digest, seen, (series, split))

    def _shaped(self, series: Series) -> ForecastConfig:
        """The model with its free fields, whose values follow from the series."""
        if "window" not in self.free:
            return filled(self.model, {"network_window": None}, self.free)
        training = training_part(series, self.data["validation"])
        window = choose_window(training, len(series.targets), self.model)
        return filled(self.model, {"window": window, "network_window": min(window, WINDOW)}, self.free)

    def _split(self, series: Series, model: ForecastConfig) -> Split:
        return split_series(series, model, self.data["validation"])

    def choose(self, data: Data, parent: ForecastModel | None) -> Mapping[str, Any]:
        """See Recipe. The weights of a parent fit its own window alone."""
        _, split = data.content
        model = split.config if parent is None else parent.config
        return {name: getattr(model, name) for name in sorted(self.free)}

    def settled(self, chosen: Mapping[str, Any]) -> ForecastRecipe:
        """See Recipe."""
        recipe = copy.copy(self)
        recipe.model = filled(self.model, chosen, self.free)
        return recipe

    def begin(self, data: Data, parent: ForecastModel | None) -> Snapshot:
        """See Recipe."""
        # 1. Tell the user about the series.
        series, split = data.content
        if split.config != self.model:
            split = self._split(series, self.model)
        if parent is not None:
            self._check_parent(parent, split)
        for sentence in [*series.notes, *split.notes]:
            self.report(sentence)

        # 2. Take over weights and scale of the parent: the weights fit no other scale. The last fit goes on from its
        #    last fit, and what is measured from weights that have not seen what is held out now.
        start: dict[str, np.ndarray] = {}
        if parent is None:
            scale = with_smoothing(split.scale, split.training, self.model)
        else:
            scale = parent.engine.scale
            start = warm.to_arrays(parent.honest.arrays, {}, 0)
            for name, array in parent.engine.arrays.items():
                start[SERVING + name] = array

        # 3. Make the snapshot.
        scale = dataclasses.replace(scale, floor=self.style.floor)
        about = {
            "columns": series.targets,
            "known": series.known,
            "date_column": self.data["date_column"],
            "step": series.axis.step,
            "style": dataclasses.asdict(self.style),
            "scale": scale.to_json(),
            "naive_errors": split.naive_errors.tolist(),
            "spared": True,
        }
        files = {"series.json": to_json(about)}
        arrays = {**split.arrays(), **start}
        return Snapshot(self.family.kind, self.options, files, arrays, data.digest)

    def _check_parent(self, parent: ForecastModel, split: Split) -> None:
        """Raises IncomparableError if a run must not begin with the weights of the version in service, as they are
        worse than none."""
        scale = dataclasses.replace(parent.engine.scale, smoothing=None)
        naive = self._untrained_metrics(scale, split.known, split.held_out, split.naive_errors)
        metrics = parent.measure(split.held_out, split.naive_errors)
        if metrics[self.family.metric] > naive[self.family.metric]:
            raise IncomparableError("the version in service is worse than the naive forecast")

    # Its material -----------------------------------------------------------------------------------------------------

    def open(self, snapshot: Snapshot) -> Material:
        """See Recipe."""
        # 1. Read the snapshot.
        about = parse_json(snapshot.files["series.json"], Path("series.json"))
        scale = Scale.from_json(about["scale"])
        errors = np.array(about["naive_errors"])  # [targets]
        training = Panel.of(snapshot.arrays["training"])  # [1, time, columns]
        held_out = Panel.of(snapshot.arrays["held_out"])

        # 2. Measure what the network begins with.
        naive = "seasonal naive forecast" if scale.season > 1 else "naive forecast"
        if scale.smoothing is not None:
            naive = "exponential smoothing"
        naive_metrics = self._untrained_metrics(scale, len(about["known"]), held_out, errors)
        naive_score = naive_metrics[self.family.metric]
        if self.model.architecture not in BASELINES:
            self.report(f"to beat: {naive}, {naive_score:.4f} held-out MASE (MAE {naive_metrics['mae']:.4g})")

        def verdict(score: float) -> str | None:
            if score < naive_score or self.model.architecture in BASELINES:
                return None
            lead = "worse" if score > naive_score else "no better"
            article = "" if scale.smoothing is not None else "the "
            return (
                f"{lead} than {article}{naive} ({naive_score:.4f}): another --architecture, --window or --season "
                "may help, or more data"
            )

        def task_of(series: Panel) -> ForecastTask:
            from rnntext.train.forecast_task import ForecastTask

            return ForecastTask(self.model, self.training, scale, series, held_out, errors)

        # 3. Put the material together.
        def last_fit(start: Weights) -> ForecastTask:
            task = task_of(Panel.of(self._whole(snapshot)))
            arrays = {name: snapshot.arrays.get(SERVING + name, array) for name, array in start.items()}
            task.model.assign(arrays)
            return task

        return Material(
            lambda: task_of(training),
            files={"series.json": snapshot.files["series.json"], "held_out.json": to_json(self._kept(held_out))},
            about={"steps": training.values.shape[1], "held_out": held_out.values.shape[1] - self.model.window},
            held_out=lambda: self._held_out_hashes(snapshot.arrays["held_out"]),
            score=lambda champion: self._score(champion, snapshot, about),
            verdict=verdict,
            last_fit=last_fit if self.training.refit and self.model.architecture not in BASELINES else None,
        )

    def _untrained_metrics(self, scale: Scale, known: int, held_out: Panel, errors: np.ndarray) -> dict[str, float]:
        """The metrics on held-out data of what a network begins with: smoothing or the (seasonal) naive forecast.

        Args:
            known: number of columns known in advance.
            errors: see `Split.naive_errors`.
        """
        config = dataclasses.replace(self.model, architecture="naive", layers=None, units=None, recurrent_output=False)
        relative_scale = dataclasses.replace(scale, relative=True)
        engine = Forecaster(config, relative_scale, known, {})
        return measure(engine, held_out, errors)

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
        return overlap.of_sentences(stretches(values[:, begin:]))

    # The version in service -------------------------------------------------------------------------------------------

    def _score(self, champion: ForecastModel, snapshot: Snapshot, about: Mapping[str, Any]) -> float:
        """The MASE of the version in service on held-out data; its window may be another one.

        Args:
            about: see `begin`.
        """
        for name in ("columns", "known", "step"):
            if champion.about[name] != about[name]:
                raise IncomparableError(f"the version in service has other {name}: {champion.about[name]}")
        whole = self._whole(snapshot)  # [1, time, columns]
        window = champion.config.window
        begin = snapshot.arrays["training"].shape[1] - window
        if begin < 0:
            raise IncomparableError(f"the version in service reads {window} values, more than there are to train on")
        panel = Panel.of(whole).between(begin, whole.shape[1])
        errors = np.array(about["naive_errors"])  # [targets]
        return champion.measure(panel, errors)[self.family.metric]

    def _whole(self, snapshot: Snapshot) -> np.ndarray:
        """The whole series, `[1, time, columns]`."""
        after_training = snapshot.arrays["held_out"][:, self.model.window :]
        return np.concatenate([snapshot.arrays["training"], after_training], axis=1)

    def check_vocabulary(self, parent: ForecastModel) -> None:
        """See Recipe; there is none."""

    def check_comparable(self, champion: ForecastModel) -> None:
        """See Recipe."""
        names = {"columns": "column", "known": "known", "date_column": "date_column"}  # option by its name in a version
        for name, option in names.items():
            wanted = self.data[option]
            if wanted and champion.about[name] != wanted:
                raise IncomparableError(f"the version in service has other {name}: {champion.about[name]}")
        if champion.config.measured != self.model.measured:
            raise IncomparableError(f"the version in service predicts {champion.config.measured} values")
