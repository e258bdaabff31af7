"""The kinds of models there are. This is the only place that lists them all."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnntext.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of model, and the words that messages use for it.

    Attributes:
        kind: its name in a manifest.
        title: its name in a message, with the article.
        name: the default name of a model.
        metric: the name of the score among the metrics of an evaluation.
        label: the name of the score in a message.
        higher: whether a higher score is better.
        unit: what the speed of a training is counted in, in the plural.
        train: the command that trains such a model, with its required arguments.
        use: the command that uses such a model; parameters of the training stand in braces.
        model: "module:class" of the model in service.
        reopen: "module:function" that returns the recipe of an unfinished training.
        tie: the name of another metric that decides between equal scores; lower is better.
        untrained: whether a model that has learnt nothing is a sensible one; then it is a candidate for the best one.
        margin: share by which the score of a trained model must be better than that of an untrained one to be taken.
    """

    kind: str
    title: str
    name: str
    metric: str
    label: str
    higher: bool
    unit: str
    train: str
    use: str
    model: str
    reopen: str
    tie: str | None = None
    untrained: bool = False
    margin: float = 0.0

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """The key by which evaluations are compared: higher is better."""
        score = metrics[self.metric]
        if not self.higher:
            score = -score
        if self.tie is None:
            return (score,)
        return (score, -metrics[self.tie])

    def is_better(self, metrics: Mapping[str, float], before: Mapping[str, float] | None, margin: float = 0.0) -> bool:
        """Whether an evaluation is better than another one, if there was any: by more than a share of its score."""
        if before is None:
            return True
        other = before[self.metric]
        enough = not margin or self.lead(metrics[self.metric], other) > margin * abs(other)
        return enough and self.rank(metrics) > self.rank(before)

    def lead(self, score: float, other: float) -> float:
        """How much better a score is than another one; negative if it is worse."""
        return score - other if self.higher else other - score

    def implementation(self) -> Any:
        """The class of the model in service; its module is imported by this call."""
        return _imported(self.model)

    def recipe(self, snapshot: Any, report: Any) -> Any:
        """The recipe of an unfinished training, see `jobs.reopening`, which this call imports."""
        return _imported(self.reopen)(snapshot, report)


def _imported(place: str) -> Any:
    """The object at "module:name"."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


CHARLM = Family(
    kind="charlm",
    title="a character model (charlm)",
    name="charlm",
    metric="bits_per_character",
    label="bits/char",
    higher=False,
    unit="chars",
    train="train-charlm",
    use="generate",
    model="rnntext.jobs.characters:CharacterModel",
    reopen="rnntext.jobs.reopening:charlm",
)
TRANSLATOR = Family(
    kind="translator",
    title="a translation model",
    name="translator",
    metric="bleu",
    label="BLEU",
    higher=True,
    unit="tokens",
    train="train-translate",
    use="translate",
    model="rnntext.jobs.translation:TranslationModel",
    reopen="rnntext.jobs.reopening:translator",
    tie="nats_per_token",
)
FORECASTER = Family(
    kind="forecaster",
    title="a forecaster",
    name="forecaster",
    metric="mase",
    label="MASE",
    higher=False,
    unit="windows",
    train="train-forecast CSV",
    use="forecast {table}",
    model="rnntext.jobs.forecasting:ForecastModel",
    reopen="rnntext.jobs.reopening:forecaster",
    untrained=True,  # it repeats exponential smoothing, or the naive forecast
    margin=0.05,  # the best of several evaluations on little held-out data is better by chance, too
)
FAMILIES = {family.kind: family for family in (CHARLM, TRANSLATOR, FORECASTER)}


def family_of(kind: str, path: Path) -> Family:
    """The kind of a model by its name in a manifest.

    Args:
        path: of the model, for the message.

    Raises:
        UsageError: this version of rnntext does not know it.
    """
    if kind not in FAMILIES:
        raise UsageError(f"{path}: this is a {kind} model, which this version of rnntext does not know")
    return FAMILIES[kind]
