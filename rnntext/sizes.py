"""How large a model is and how it is trained, where the command does not say: the rules, all of them.

A budget in time buys so many units (characters or target tokens), since a unit costs six floating-point operations
for each weight, forwards and backwards. The largest size is taken that sees as many units for each of its weights as
its row asks for, and that has at most `WEIGHTS_PER_UNIT` weights for each unit of the data. Dropout and sampling
follow from the number of passes over the data, the batch from the number of steps. Without a time limit the choice is
a function of the data alone, as if there were time enough. What was measured is in docs/decisions.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

SIZES = ("tiny", "small", "base", "large")
Fields = Mapping[str, Any]

# Fields of model and training that a command may leave open.
_TRAINING_OPEN = frozenset({"dropout", "schedule", "learning_rate"})
CHARLM_OPEN = _TRAINING_OPEN | {"layers", "units", "embedding", "batch_size", "recurrent_dropout"}
TRANSLATOR_OPEN = _TRAINING_OPEN | {
    *("architecture", "layers", "units", "heads", "feedforward", "embedding"),
    *("vocabulary_size", "batch_tokens", "subword_sampling"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A size.

    Attributes:
        units_per_weight: units that it must see, at the least, for each of its weights.
        fields: what it consists of.
    """

    units_per_weight: float
    fields: Fields


def _transformer(layers: int, units: int, feedforward: int, vocabulary_size: int) -> Fields:
    shape = {"layers": layers, "units": units, "heads": 4, "feedforward": feedforward}
    return {"architecture": "transformer", **shape, "vocabulary_size": vocabulary_size}


def _gru(layers: int, units: int, vocabulary_size: int) -> Fields:
    shape = {"layers": layers, "units": units, "embedding": units}
    return {"architecture": "gru", **shape, "vocabulary_size": vocabulary_size}


# The shapes -----------------------------------------------------------------------------------------------------------

CHARLM = {
    "tiny": Row(0.0, {"layers": 1, "units": 128, "embedding": 64}),
    "small": Row(4.0, {"layers": 1, "units": 256, "embedding": 64}),
    "base": Row(6.0, {"layers": 2, "units": 256, "embedding": 128}),
    "large": Row(6.0, {"layers": 2, "units": 512, "embedding": 128}),
}
TRANSFORMER = {
    "tiny": Row(0.0, _transformer(2, 64, 128, 2000)),
    "small": Row(2.0, _transformer(2, 128, 256, 3000)),
    "base": Row(2.0, _transformer(4, 128, 256, 8000)),
    "large": Row(4.0, _transformer(3, 256, 512, 8000)),
}
GRU = {
    "tiny": Row(0.0, _gru(1, 128, 3000)),
    "small": Row(0.2, _gru(1, 192, 3000)),
    "base": Row(0.3, _gru(1, 256, 3000)),
    "large": Row(1.5, _gru(2, 256, 8000)),
}
# A GRU learns more from the first passes, a Transformer from the later ones.
AUTO = {**GRU, "large": TRANSFORMER["base"]}
TRANSLATORS = {"auto": AUTO, "transformer": TRANSFORMER, "gru": GRU}
ENOUGH = {"auto": "large", "transformer": "base", "gru": "large"}  # however much time there is, no larger one is taken

# The rules ------------------------------------------------------------------------------------------------------------

CHARACTERS = {"subword": 4.0, "word": 6.0, "char": 1.0}  # of a token, about
TRAINING_SHARE = 0.8  # of a time limit is spent in steps; the rest goes into start-up and evaluations
EFFICIENCY = 0.5  # of the rate of matrix products alone is what a training reaches
WEIGHTS_PER_UNIT = 30.0
OPERATIONS = 6.0  # of floating-point numbers, for each weight and unit
STEPS = 2000  # a run has at least so many, if a smaller batch can help

# (passes at the most, fields): the first row that holds
CHARLM_PASSES: list[tuple[float, Fields]] = [
    (3.0, {"dropout": 0.0, "recurrent_dropout": 0.0, "schedule": "wsd"}),
    (8.0, {"dropout": 0.1, "recurrent_dropout": 0.0, "schedule": "wsd"}),
    (24.0, {"dropout": 0.3, "recurrent_dropout": 0.1, "schedule": "wsd"}),
    (float("inf"), {"dropout": 0.5, "recurrent_dropout": 0.25, "schedule": "cosine"}),
]
TRANSLATOR_PASSES: list[tuple[float, Fields]] = [
    (8.0, {"dropout": 0.1, "subword_sampling": 0.0, "schedule": "wsd"}),
    (20.0, {"dropout": 0.2, "subword_sampling": 0.0, "schedule": "wsd"}),
    (float("inf"), {"dropout": 0.3, "subword_sampling": 0.1, "schedule": "cosine"}),
]
LEARNING_RATE, WARM_LEARNING_RATE = 3e-3, 1e-3  # at its peak; of a run that begins with the weights in service
STREAMS, BATCH_TOKENS = (64, 32, 16), (2048, 1024, 512)  # sizes of a batch, the largest first
FILLED = 0.75  # of a batch's tokens are target tokens


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a run can spend.

    Attributes:
        units: characters or target tokens in one pass over the data.
        seconds: for training; None if the number of steps or passes is given.
        speed: floating-point operations a second.
    """

    units: float
    seconds: float | None = None
    speed: float = 0.0

    def affords(self, weights: float) -> float:
        """Units that a model of so many weights can see."""
        return float("inf") if self.seconds is None else self.seconds * self.speed / (OPERATIONS * weights)


def choose_size(
    size: str, rows: Mapping[str, Row], weights: Callable[[Fields], float], budget: Budget, largest: str = "large"
) -> str:
    """The size by name, or the one that fits, for "auto".

    Args:
        rows: the sizes there are.
        weights: the number of weights of a model with these fields.
        largest: that is taken for "auto".
    """
    if size != "auto":
        return size
    names = SIZES[1 : SIZES.index(largest) + 1]
    for name in reversed(names):
        count = weights(rows[name].fields)
        enough = budget.affords(count) >= rows[name].units_per_weight * count
        if enough and count <= WEIGHTS_PER_UNIT * budget.units:
            return name
    return SIZES[0]


def by_passes(table: list[tuple[float, Fields]], passes: float) -> Fields:
    """The row of a table for a number of passes over the data."""
    return next(fields for most, fields in table if passes <= most)


def batch(sizes: tuple[int, ...], units_each: float, units: float) -> int:
    """The largest batch with which a run has `STEPS` steps, or the smallest one.

    Args:
        sizes: of batches, the largest first.
        units_each: units in a step of a batch of size one.
        units: that the run sees.
    """
    return next((size for size in sizes if units / (size * units_each) >= STEPS), sizes[-1])


# Held-out data --------------------------------------------------------------------------------------------------------

# An evaluation must be short beside the time limit. What is held out does not depend on the time, since no model may be
# scored on what its parent has learnt; how much of it is scored does. What a file holds out is scored as a whole.
PAIRS_A_SECOND, CHARACTERS_A_SECOND = 3, 500
LEAST_PAIRS, MOST_PAIRS, LEAST_CHARACTERS = 200, 2000, 20_000


def scored_pairs(time_limit: float | None) -> int:
    """The number of pairs that are scored, of those that a fraction holds out."""
    return MOST_PAIRS if time_limit is None else max(LEAST_PAIRS, min(MOST_PAIRS, int(PAIRS_A_SECOND * time_limit)))


def scored_characters(time_limit: float | None) -> int:
    """The number of characters that are scored, of those that a fraction holds out."""
    return 2**62 if time_limit is None else max(LEAST_CHARACTERS, int(CHARACTERS_A_SECOND * time_limit))
