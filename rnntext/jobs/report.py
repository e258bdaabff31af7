"""A model as a whole: what it is, how it became so, and what it can do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnntext.errors import CheckpointError, RnntextError, UsageError
from rnntext.families import FAMILIES, FORECASTER, Family, family_of
from rnntext.jobs import checkpoints
from rnntext.jobs.checkpoints import RUN, Entry
from rnntext.jobs.demonstration import Demonstration, demonstrate
from rnntext.jobs.load import absence
from rnntext.storage import service
from rnntext.storage.checkpoint import LOG, Checkpoint, load_version
from rnntext.storage.weights import WEIGHTS, parameters

HISTORY = "history.jsonl"
MAX_STEP = 2**53  # a history with larger numbers is none of ours
# What the manifest says of other things than the data.
_NOT_DATA = {"format", "rnntext", "kind", "run", "parent", "settings", "command", "score", "finished", "step"}
_VOCABULARIES = {
    "vocabulary.json": "characters that it knows",
    "tokens.json": "tokens of both languages",
    "source.json": "tokens of the source language",
    "target.json": "tokens of the target language",
}
_SERIES = ("columns", "known", "date_column", "step")  # of `series.json`


@dataclasses.dataclass(frozen=True)
class Mark:
    """A version on the curve of the run that made it.

    Attributes:
        version: its name.
        step: at which its weights were the best.
        score: on the held-out data.
        promoted: whether it has ever been put into service.
    """

    version: str
    step: int
    score: float
    promoted: bool


@dataclasses.dataclass(frozen=True)
class Curve:
    """The evaluations of one run.

    Attributes:
        run: its name.
        began: the time of its first evaluation.
        steps: of each evaluation, ascending.
        losses, scores: the training loss and the score on held-out data, of each; NaN if it is not known.
        marks: the versions that the run has made and that still exist.
    """

    run: str
    began: str
    steps: list[int]
    losses: list[float]
    scores: list[float]
    marks: list[Mark]


@dataclasses.dataclass(frozen=True)
class ModelReport:
    """All that is known about a model.

    Attributes:
        model: its name.
        shown: the version in service, or else the newest one, or else the unfinished training.
        entries: all versions, oldest first, and the unfinished training.
        family: the kind of model; None if it is not known.
        parameters: number of parameters; None if the model cannot be loaded.
        settings: of model and training.
        facts: of the data.
        curves: of all runs, oldest first.
        promotions: time and version of everything that was put into service, oldest first.
        demonstration: what the model can do.
        trouble: why it cannot show what it can do, or None.
    """

    model: str
    shown: Entry
    entries: list[Entry]
    family: Family | None
    parameters: int | None
    settings: dict[str, dict[str, Any]]
    facts: dict[str, Any]
    curves: list[Curve]
    promotions: list[tuple[str, str]]
    demonstration: Demonstration
    trouble: str | None


def report(path: Path, text: str | None = None) -> ModelReport:
    """The report on a model. A version that is damaged has one, too, which says so.

    Args:
        path: the model's folder.
        text: whose beginning a model of text reads.

    Raises:
        UsageError: a text is given to a forecaster.
        CheckpointError: there is neither a version nor an unfinished training.
    """
    # 1. Choose the version.
    shown = next(iter(checkpoints.overview(path)), None)
    if shown is None:
        raise CheckpointError(absence(path))
    if text is not None and shown.facts.get("kind") == FORECASTER.kind:
        raise UsageError(f"{path}: this is a forecaster; it reads no text, so leave out FILE")
    # 2. Collect what is known about it.
    entries = checkpoints.entries(path)
    promotions = _promotions(path)
    family = FAMILIES.get(str(shown.facts.get("kind")))
    curves = _curves(path, family, entries, {version for _, version in promotions})
    known = ModelReport(
        path.name, shown, entries, family, None, {}, {}, curves, promotions, Demonstration(), shown.damage
    )
    if shown.damage is not None or shown.version == RUN:
        return dataclasses.replace(known, facts=_data(shown.facts))
    # 3. Let it show what it can do.
    try:
        source = load_version(path / "versions" / shown.version)
        known = dataclasses.replace(known, facts=_data(shown.facts), settings=_settings(source))
        model = family_of(source.kind, source.path).implementation()(source)
        return dataclasses.replace(
            known,
            parameters=parameters(source.files[WEIGHTS], source.path / WEIGHTS),
            facts={**known.facts, **_stored_facts(source)},
            demonstration=demonstrate(model, text or ""),
        )
    except RnntextError as error:
        return dataclasses.replace(known, trouble=str(error))


def _settings(source: Checkpoint) -> dict[str, dict[str, Any]]:
    """The settings of model and training, as far as they are known."""
    settings = source.json("config.json")
    if not isinstance(settings, dict):
        return {}
    return {group: values for group, values in settings.items() if isinstance(values, dict)}


def _data(facts: dict[str, Any]) -> dict[str, Any]:
    """What a manifest says of the data."""
    return {name: value for name, value in facts.items() if name not in _NOT_DATA}


def _stored_facts(source: Checkpoint) -> dict[str, Any]:
    """What the other files of a version say of the data."""
    facts: dict[str, Any] = {
        name: len(source.strings(file)) for file, name in _VOCABULARIES.items() if file in source.files
    }
    if source.kind == FORECASTER.kind:
        series = source.json("series.json")
        facts |= {name: series[name] for name in _SERIES if name in series}
    return facts


# What happened to it --------------------------------------------------------------------------------------------------


def _promotions(path: Path) -> list[tuple[str, str]]:
    """Time and version of everything that was put into service, oldest first."""
    entries = service.log_entries(path / LOG)
    return [
        (str(entry.get("time", "")), entry["version"]) for entry in entries if isinstance(entry.get("version"), str)
    ]


def _curves(path: Path, family: Family | None, entries: list[Entry], promoted: set[str]) -> list[Curve]:
    """The curves of all runs. A run that was killed repeats some evaluations; the later ones count."""
    evaluations: dict[str, dict[int, dict[str, Any]]] = {}  # by run and step
    for evaluation in service.log_entries(path / HISTORY):
        run = evaluation.get("run")
        step = evaluation.get("step")
        if isinstance(run, str) and type(step) is int and 0 <= step < MAX_STEP:
            evaluations.setdefault(run, {})[step] = evaluation
    metric = family.metric if family else ""
    curves = []
    for run, by_step in evaluations.items():
        steps = sorted(by_step)
        losses = [_number(by_step[step].get("loss")) if step else math.nan for step in steps]  # 0 before the first step
        scores = [_number(by_step[step].get(metric)) for step in steps]
        began = str(next(iter(by_step.values())).get("time", ""))
        curves.append(Curve(run, began, steps, losses, scores, list(_marks(run, entries, promoted))))
    return curves


def _marks(run: str, entries: list[Entry], promoted: set[str]) -> Iterator[Mark]:
    """The versions that a run has made."""
    for entry in entries:
        step = entry.metrics.get("step")
        if entry.facts.get("run") == run and entry.version != RUN and entry.score and type(step) is int:
            yield Mark(entry.version, min(max(step, 0), MAX_STEP), entry.score[1], entry.version in promoted)


def _number(value: Any) -> float:
    """A number of a log; NaN if it is none."""
    return float(value) if type(value) in (int, float) and abs(value) < MAX_STEP else math.nan
