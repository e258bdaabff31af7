"""What a model can do, on a few examples: they come from the version itself, and from a text that is at hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from rnntext.jobs.answers import Translation
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.forecasting import Forecast, ForecastModel
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.search import SearchConfig

SEEDS = (1, 2)  # of the samples; the same version gives the same ones each time
SAMPLE_LENGTH = 300  # characters
PASSAGE_LENGTH = 1000  # characters of a text that are scored
SENTENCES = 3  # that are translated
MAX_SENTENCE = 120  # characters; the picture of a longer sentence is too wide to be read
MAX_PAST = 100  # values before a forecast that are kept

Surprises = list[tuple[str, float]]  # characters, each with its information content in bits


@dataclasses.dataclass(frozen=True)
class HiddenForecast:
    """A forecast of the end of the held-out series, which was hidden.

    Attributes:
        columns: names of the targets.
        past: the values before the forecast, `[time, targets]`; NaN where one is missing.
        actual: the values that were hidden, `[steps, targets]`.
        forecast: what the model expected there.
    """

    columns: list[str]
    past: np.ndarray
    actual: np.ndarray
    forecast: Forecast


@dataclasses.dataclass(frozen=True)
class Demonstration:
    """What a model can do; empty for another kind of model.

    Attributes:
        samples: texts that a character model wrote, one for each of SEEDS.
        passage: the beginning of a text, as a character model has predicted it.
        translations: sentences with their translations and attention weights.
        hidden: what a forecaster expected; None if its held-out series is too short.
    """

    samples: list[Surprises] = dataclasses.field(default_factory=list)
    passage: Surprises = dataclasses.field(default_factory=list)
    translations: list[tuple[str, Translation]] = dataclasses.field(default_factory=list)
    hidden: HiddenForecast | None = None


def demonstrate(model: CharacterModel | TranslationModel | ForecastModel, text: str = "") -> Demonstration:
    """What a model can do.

    Args:
        model: of any kind.
        text: whose beginning a model of text reads; of a line of a translator, what stands before the first TAB.
    """
    if isinstance(model, CharacterModel):
        samples = [_sample(model, seed) for seed in SEEDS]
        return Demonstration(samples, list(model.surprisal_of_pieces([text[:PASSAGE_LENGTH]])))
    if isinstance(model, TranslationModel):
        sources = (line.partition("\t")[0].strip() for line in text.split("\n"))
        sentences = [source for source in sources if 0 < len(source) <= MAX_SENTENCE][:SENTENCES]
        translations = model.translate_all(sentences, SearchConfig(with_attention=model.attends))
        return Demonstration(translations=list(zip(sentences, translations, strict=True)))
    return Demonstration(hidden=_hidden(model))


def _sample(model: CharacterModel, seed: int) -> Surprises:
    """A text that a character model writes."""
    drawn = model.draw(length=SAMPLE_LENGTH, seed=seed)
    return [(one.character, -one.log_probability / math.log(2)) for one in drawn]


def _hidden(model: ForecastModel) -> HiddenForecast | None:
    """A forecast of as many values as the model's horizon from the held-out series without its end. It is made with
    the weights that have not seen this series."""
    series = model.held_out.missing()[0]  # [time, columns]
    targets = len(model.columns)
    begin = len(series) - model.config.horizon
    if begin < model.config.window:
        return None
    judged = model.copied()
    judged.engine = model.honest
    known = model.held_out.values[0][begin:, targets:]  # [steps, known], with gaps filled as in the training
    forecast = judged.forecast(series[:begin], future=known)
    past = series[max(0, begin - MAX_PAST) : begin, :targets]
    return HiddenForecast(model.columns, past, series[begin:, :targets], forecast)
