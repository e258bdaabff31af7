"""Settings of character models: architecture, training, and the drawing of characters."""

from __future__ import annotations

import dataclasses

from rnntext.settings.base import BUDGET, DATA, LEARNING, MODEL, MUST_MATCH, SAMPLING, Config, option
from rnntext.settings.training import SizedTraining

CELLS = ("rnn", "lstm", "gru")
ENGINES = ("numpy", "onnxruntime")
MAX_COUNT = 10**9  # samples
TEACHER_SHARE = 0.5  # of the loss, that teachers measure
ON_UNKNOWN = ("error", "skip")  # what to do with characters that are not in the vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class CharlmConfig(Config):
    """The architecture of a character model: an embedding, `layers` recurrent layers of `units`, and a softmax over the
    vocabulary.

    >>> import rnntext
    >>> rnntext.CharlmConfig(cell="gru", layers=1).units
    512

    `lowercase` is a property of the model, as its prompts are lower-cased, too.
    """

    resume = MUST_MATCH
    cell: str = option("lstm", "Kind of recurrent cell.", MODEL, choices=CELLS)
    layers: int = option(2, "Number of recurrent layers.", MODEL, low=1, high=64, by_size=True)
    units: int = option(512, "Units of each recurrent layer.", MODEL, low=1, high=16384, by_size=True)
    embedding: int = option(128, "Size of the embedding vectors.", MODEL, low=1, high=16384, by_size=True)
    lowercase: bool = option(False, "Lower-case all text, prompts included.", DATA)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CharlmTraining(SizedTraining):
    """The training of a character model.

    >>> import rnntext
    >>> rnntext.CharlmTraining(epochs=3, batch_size=32).window
    128

    `recurrent_dropout` draws one mask for each window (Gal and Ghahramani 2016).
    """

    batch_size: int = option(
        64, "Number of parallel streams that the text is cut into.", BUDGET, low=1, high=65536, by_size=True
    )
    window: int = option(128, "Steps of truncated back-propagation through time.", BUDGET, low=1, high=65536)
    vocabulary_size: int | None = option(
        None,
        "Maximum number of characters in the vocabulary; rarer ones become [UNK], the sign for the unknown.",
        DATA,
        low=1,
        high=1_000_000,
        shown="all",
    )
    recurrent_dropout: float = option(
        0.25, "Dropout rate on the recurrent connections.", LEARNING, low=0, high=0.95, by_size=True
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplingConfig(Config):
    """The distribution that characters are drawn from: a temperature and filters (see `run.sampling`).

    >>> import rnntext
    >>> sampling = rnntext.SamplingConfig(temperature=0.6, top_p=0.9)
    >>> "".join(rnntext.load("checkpoints/charlm").generate("abc", length=3, seed=1, sampling=sampling))
    'def'

    With `temperature` 0 the most likely character is taken; None switches a filter off.
    """

    temperature: float = option(
        0.8,
        "Temperature of the softmax: below 1 sharpens the distribution, above 1 flattens it; 0 takes the most likely "
        "character.",
        SAMPLING,
        low=0,
        high=100,
    )
    top_k: int | None = option(None, "Draw from the K most likely characters only.", SAMPLING, low=1)
    top_p: float | None = option(
        None,
        "Draw from the smallest set of the most likely characters whose probabilities add up to P.",
        SAMPLING,
        low=1e-6,
        high=1,
    )
    min_p: float | None = option(
        None, "Draw from the characters at least P times as likely as the most likely one.", SAMPLING, low=1e-6, high=1
    )
    repetition_penalty: float = option(
        1.0, "A penalty above 1 makes recently drawn characters less likely.", SAMPLING, low=0.01, high=100
    )
