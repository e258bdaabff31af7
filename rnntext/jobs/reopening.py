"""The recipes of trainings that have begun, made from their snapshots alone: without the command, and with nothing left
open."""

from __future__ import annotations

import dataclasses
from typing import Any

from rnntext.jobs.charlm_recipe import CharlmRecipe
from rnntext.jobs.choice import AnyConfig
from rnntext.jobs.forecaster_recipe import ForecastRecipe
from rnntext.jobs.pairs import Files, PairSource
from rnntext.jobs.texts import TextSource
from rnntext.jobs.translator_recipe import TranslatorRecipe
from rnntext.jobs.unfinished import Snapshot
from rnntext.series.series import TableStyle
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.translator import ARCHITECTURES, TranslatorTraining
from rnntext.text.lines import Report


def charlm(snapshot: Snapshot, report: Report) -> CharlmRecipe:
    """The recipe of a character model."""
    model = _config(CharlmConfig, snapshot, "model")
    training = _config(CharlmTraining, snapshot, "training")
    data = snapshot.options["data"]
    return CharlmRecipe(TextSource(data["sources"], data["validation"]), model, training, report=report)


def translator(snapshot: Snapshot, report: Report) -> TranslatorRecipe:
    """The recipe of a translation model."""
    architecture = _values(snapshot, "model")["architecture"]
    model = _config(ARCHITECTURES[architecture], snapshot, "model")
    training = _config(TranslatorTraining, snapshot, "training")
    data = snapshot.options["data"]
    source = PairSource(_files(data["sources"]), _files(data["validation"]), data.get("reverse", False), "strict")
    return TranslatorRecipe(source, model, training, data.get("relearn_tokens", False), report)


def forecaster(snapshot: Snapshot, report: Report) -> ForecastRecipe:
    """The recipe of a forecaster."""
    model = _config(ForecastConfig, snapshot, "model")
    training = _config(ForecastTraining, snapshot, "training")
    data = {**dataclasses.asdict(TableStyle()), **snapshot.options["data"]}
    return ForecastRecipe(data["sources"][0], model, training, data, frozenset(), report)


def _values(snapshot: Snapshot, group: str) -> dict[str, Any]:
    """The options of a group by name, with what was chosen for those that the command left open."""
    return {**snapshot.options[group], **(snapshot.chosen or {})}


def _config(cls: type[AnyConfig], snapshot: Snapshot, group: str) -> AnyConfig:
    """The config of a run. Where nothing was given nor chosen, a field has its default, which may be None."""
    known = cls.options()
    values = _values(snapshot, group)
    return cls.from_json({name: value for name, value in values.items() if name in known and value is not None})


def _files(names: list[str]) -> Files:
    """The reverse of `jobs.pairs.listed`."""
    return names[0] if len(names) == 1 else (names[0], names[1])
