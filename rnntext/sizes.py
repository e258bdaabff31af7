"""All rules that choose the size of a model and the settings of its training where the command leaves them open.

A token is a character in a character model and a target token in a translator. The training of a model with N
parameters on D tokens takes about 6 N D floating-point operations (Kaplan et al. 2020, section 2.1), so a time limit
and the speed of the machine decide how many tokens a model can see. The largest size is chosen that

    sees at least `tokens_per_parameter` tokens for each of its parameters, and
    has at most `MAX_PARAMETERS_PER_TOKEN` parameters for each token of the data.

Dropout, subword sampling and the schedule of the learning rate follow from the number of passes over the data, and the
batch size from the number of steps. Without a time limit, the size is chosen as if the time were unlimited, and a
number of passes or steps that is given decides the rest, so that the choice depends on command and data alone. The
measurements behind the rules are in docs/decisions.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

SIZES = ("tiny", "small", "base", "large")
Fields = Mapping[str, Any]  # values of fields of a model's config and of its training, by name


@dataclasses.dataclass(frozen=True)
class Row:
    """One size of a model.

    Attributes:
        tokens_per_parameter: the minimum number of tokens that the model must see for each of its parameters.
        fields: the values that make a model of this size.
    """

    tokens_per_parameter: float
    fields: Fields


def _transformer(layers: int, units: int, feedforward: int, vocabulary_size: int) -> Fields:
    return {
        "architecture": "transformer",
        "layers": layers,
        "units": units,
        "heads": 4,
        "feedforward": feedforward,
        "vocabulary_size": vocabulary_size,
    }


def _hybrid(layers: int, decoder_layers: int, units: int, feedforward: int, vocabulary_size: int) -> Fields:
    transformer = _transformer(layers, units, feedforward, vocabulary_size)
    return {**transformer, "architecture": "hybrid", "decoder_layers": decoder_layers}


def _gru(layers: int, units: int, vocabulary_size: int) -> Fields:
    return {
        "architecture": "gru",
        "layers": layers,
        "units": units,
        "embedding": units,
        "vocabulary_size": vocabulary_size,
    }


# The shapes -----------------------------------------------------------------------------------------------------------

CHARLM = {
    "tiny": Row(0.0, {"layers": 1, "units": 128, "embedding": 64}),
    "small": Row(1.5, {"layers": 1, "units": 256, "embedding": 64}),
    "base": Row(6.0, {"layers": 2, "units": 256, "embedding": 128}),
    "large": Row(6.0, {"layers": 2, "units": 512, "embedding": 128}),
}
TRANSFORMER = {
    "tiny": Row(0.0, _transformer(2, 64, 128, 2000)),
    "small": Row(2.0, _transformer(2, 128, 256, 3000)),
    "base": Row(2.0, _transformer(4, 128, 256, 8000)),
    "large": Row(4.0, _transformer(3, 256, 512, 8000)),
}
HYBRID = {
    "tiny": Row(0.0, _hybrid(2, 2, 64, 128, 2000)),
    "small": Row(2.0, _hybrid(2, 2, 128, 256, 3000)),
    "base": Row(2.0, _hybrid(4, 2, 128, 256, 8000)),
    "large": Row(4.0, _hybrid(4, 2, 256, 512, 8000)),
}
GRU = {
    "tiny": Row(0.0, _gru(1, 128, 3000)),
    "small": Row(0.2, _gru(1, 192, 3000)),
    "base": Row(0.3, _gru(1, 256, 3000)),
    "large": Row(1.5, _gru(2, 256, 8000)),
}
# A GRU learns more from the first passes over the data, a Transformer from later ones.
AUTO = {**GRU, "large": TRANSFORMER["base"]}
TRANSLATORS = {"auto": AUTO, "transformer": TRANSFORMER, "hybrid": HYBRID, "gru": GRU}
MAX_SIZE = {
    "auto": "large",
    "transformer": "base",
    "hybrid": "base",
    "gru": "large",
}  # the largest size that "auto" chooses

# The rules ------------------------------------------------------------------------------------------------------------

CHARACTERS_PER_TOKEN = {"subword": 4.0, "word": 6.0, "char": 1.0}  # approximate averages
TRAINING_SHARE = 0.8  # of a time limit that steps take; the rest goes into start-up and evaluations
MAX_PARAMETERS_PER_TOKEN = 30.0
OPERATIONS = 6.0  # floating-point operations for each parameter and token, forward and backward pass together
MIN_STEPS = 2000  # of a run: the batch size is chosen so that there are as many, if possible

# (maximum, fields): the first row whose maximum is not exceeded counts. Of a character model, it is the number of
# passes times the parameters for each character of the text: what a large model learns by heart in a few passes, a
# small one has no room for. Of a translator, it is the number of passes.
CHARLM_PASSES: list[tuple[float, Fields]] = [
    (3.0, {"dropout": 0.0, "recurrent_dropout": 0.0, "schedule": "wsd"}),
    (30.0, {"dropout": 0.1, "recurrent_dropout": 0.0, "schedule": "wsd"}),
    (100.0, {"dropout": 0.3, "recurrent_dropout": 0.1, "schedule": "wsd"}),
    (float("inf"), {"dropout": 0.5, "recurrent_dropout": 0.25, "schedule": "cosine"}),
]
TRANSLATOR_PASSES: list[tuple[float, Fields]] = [
    (8.0, {"dropout": 0.1, "subword_sampling": 0.0, "schedule": "wsd"}),
    (20.0, {"dropout": 0.2, "subword_sampling": 0.0, "schedule": "wsd"}),
    (float("inf"), {"dropout": 0.3, "subword_sampling": 0.1, "schedule": "cosine"}),
]
LEARNING_RATE = 3e-3  # at the peak of the schedule, also of a run that begins with the weights in service
BATCH_SIZES = (64, 32, 16)  # text streams in a batch of a character model, the largest number first
BATCH_TOKENS = (2048, 1024, 512)  # tokens in a batch of a translator, the largest number first
TARGET_SHARE = 0.75  # target tokens in a batch, relative to `batch_tokens`, which counts the longer side


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a run can spend.

    Attributes:
        tokens: in one pass over the data.
        seconds: of training; None if the number of steps or passes is given.
        speed: floating-point operations a second.
    """

    tokens: float
    seconds: float | None = None
    speed: float = 0.0

    def affordable_tokens(self, parameters: float) -> float:
        """Number of tokens D that a model of N parameters can see: seconds * speed / (6 N); infinite without a time
        limit."""
        if self.seconds is None:
            return float("inf")
        return self.seconds * self.speed / (OPERATIONS * parameters)


def choose_size(
    size: str, rows: Mapping[str, Row], parameters: Callable[[Fields], float], budget: Budget, max_size: str = "large"
) -> str:
    """The name of the size that fits data, time and machine if `size` is "auto"; otherwise `size` itself.

    Args:
        rows: the sizes by name.
        parameters: returns the number of parameters of a model with these fields.
        max_size: the largest size that "auto" may choose.
    """
    if size != "auto":
        return size
    names = SIZES[1 : SIZES.index(max_size) + 1]
    for name in reversed(names):
        row = rows[name]
        count = parameters(row.fields)
        min_tokens = row.tokens_per_parameter * count
        max_parameters = MAX_PARAMETERS_PER_TOKEN * budget.tokens
        if budget.affordable_tokens(count) >= min_tokens and count <= max_parameters:
            return name
    return SIZES[0]


def by_passes(table: list[tuple[float, Fields]], passes: float) -> Fields:
    """The fields that a table has for a number of passes over the data, or for what it counts instead."""
    return next(fields for max_passes, fields in table if passes <= max_passes)


def choose_batch(sizes: tuple[int, ...], tokens_each: float, tokens: float) -> int:
    """The largest batch size with which a run has at least `MIN_STEPS` steps; the smallest one if none is small enough.

    Args:
        sizes: the batch sizes there are, the largest first.
        tokens_each: tokens in a step of batch size 1.
        tokens: that the run sees.
    """
    for size in sizes:
        steps = tokens / (size * tokens_each)
        if steps >= MIN_STEPS:
            return size
    return sizes[-1]


# Held-out data --------------------------------------------------------------------------------------------------------

# An evaluation must take little of the time limit. Which examples are held out does not depend on the time limit, since
# no model may be scored on what its parent has learnt; how many of them are scored does. A file given by --validation
# is scored as a whole.
PAIRS_A_SECOND = 3  # scored pairs for each second of the time limit
MIN_PAIRS = 200
MAX_PAIRS = 2000
CHARACTERS_A_SECOND = 500  # scored characters for each second of the time limit
MIN_CHARACTERS = 20_000
MAX_CHARACTERS = 2_000_000


def scored_pairs(time_limit: float | None) -> int:
    """The number of pairs that are scored, of those that a fraction holds out.

    Args:
        time_limit: of the run, in seconds.
    """
    if time_limit is None:
        return MAX_PAIRS
    pairs = int(PAIRS_A_SECOND * time_limit)
    return max(MIN_PAIRS, min(MAX_PAIRS, pairs))


def scored_characters(time_limit: float | None) -> int:
    """The number of characters that are scored, of those that a fraction holds out.

    Args:
        time_limit: of the run, in seconds.
    """
    if time_limit is None:
        return MAX_CHARACTERS
    characters = int(CHARACTERS_A_SECOND * time_limit)
    return max(MIN_CHARACTERS, min(MAX_CHARACTERS, characters))
