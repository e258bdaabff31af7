"""How large a model is and how it is trained, where the command does not say: the rules, all of them.

A budget in time buys so many units (characters or target tokens), since a unit costs six floating-point operations for
each weight, forwards and backwards. The size is the largest one that sees `UNITS_PER_WEIGHT` units for each of its
weights within the budget and has at most `WEIGHTS_PER_UNIT` weights for each unit of the data. Dropout and sampling
follow from the number of passes over the data, the batch from the number of steps. Without a time limit the choice is
a function of the data alone: as if there were time enough.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

SIZES = ("tiny", "small", "base", "large")
CHARLM_OPEN = frozenset({"layers", "units", "embedding", "batch_size", "dropout", "recurrent_dropout"})
TRANSLATOR_OPEN = frozenset(
    {"architecture", "layers", "units", "heads", "feedforward", "embedding", "vocabulary_size"}
) | {
    "batch_tokens",
    "dropout",
    "subword_sampling",
}  # fields of model and training that a command may leave open
Fields = Mapping[str, Any]

# The shapes -----------------------------------------------------------------------------------------------------------

CHARLM: dict[str, Fields] = {
    "tiny": {"layers": 1, "units": 128, "embedding": 64},
    "small": {"layers": 1, "units": 256, "embedding": 64},
    "base": {"layers": 2, "units": 256, "embedding": 128},
    "large": {"layers": 2, "units": 512, "embedding": 128},
}
TRANSFORMER: dict[str, Fields] = {
    "tiny": {"layers": 2, "units": 64, "heads": 4, "feedforward": 128, "vocabulary_size": 2000},
    "small": {"layers": 2, "units": 128, "heads": 4, "feedforward": 256, "vocabulary_size": 3000},
    "base": {"layers": 4, "units": 128, "heads": 4, "feedforward": 256, "vocabulary_size": 8000},
    "large": {"layers": 3, "units": 256, "heads": 4, "feedforward": 512, "vocabulary_size": 8000},
}
GRU: dict[str, Fields] = {
    "tiny": {"layers": 1, "units": 96, "embedding": 96, "vocabulary_size": 2000},
    "small": {"layers": 1, "units": 192, "embedding": 192, "vocabulary_size": 3000},
    "base": {"layers": 2, "units": 256, "embedding": 256, "vocabulary_size": 8000},
    "large": {"layers": 2, "units": 512, "embedding": 256, "vocabulary_size": 8000},
}
TRANSLATORS: dict[str, dict[str, Fields]] = {
    "transformer": TRANSFORMER,
    "gru": GRU,
    # A GRU learns more from the first passes, a Transformer from the later ones.
    "auto": {
        "tiny": {"architecture": "gru", **GRU["tiny"]},
        "small": {"architecture": "gru", **GRU["small"]},
        "base": {"architecture": "transformer", **TRANSFORMER["base"]},
        "large": {"architecture": "transformer", **TRANSFORMER["large"]},
    },
}

# The rules ------------------------------------------------------------------------------------------------------------

UNITS_PER_WEIGHT = 3.0
WEIGHTS_PER_UNIT = 30.0
OPERATIONS = 6.0  # of floating-point numbers, for each weight and unit
STEPS = 1000  # a run has at least so many, if a smaller batch can help

# (passes at the most, fields): the first row that holds
CHARLM_PASSES: list[tuple[float, Fields]] = [
    (3.0, {"dropout": 0.0, "recurrent_dropout": 0.0}),
    (8.0, {"dropout": 0.1, "recurrent_dropout": 0.0}),
    (16.0, {"dropout": 0.3, "recurrent_dropout": 0.1}),
    (float("inf"), {"dropout": 0.5, "recurrent_dropout": 0.25}),
]
TRANSLATOR_PASSES: list[tuple[float, Fields]] = [
    (8.0, {"dropout": 0.1, "subword_sampling": 0.0}),
    (20.0, {"dropout": 0.2, "subword_sampling": 0.0}),
    (float("inf"), {"dropout": 0.3, "subword_sampling": 0.1}),
]
# (units in a step of a batch of one, sizes of a batch, the largest first)
STREAMS, BATCH_TOKENS = (64, 32, 16), (2048, 1024, 512)
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


def choose_size(size: str, weights: Callable[[str], float], budget: Budget) -> str:
    """The size by name, or the one that fits, for "auto".

    Args:
        weights: the number of weights of a model of a size.
    """
    if size != "auto":
        return size
    for name in ("large", "base", "small"):
        count = weights(name)
        if budget.affords(count) >= UNITS_PER_WEIGHT * count and count <= WEIGHTS_PER_UNIT * budget.units:
            return name
    return "tiny"


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

# An evaluation must be short beside the time limit; what a file holds out is not cut.
PAIRS_A_SECOND, CHARACTERS_A_SECOND = 3, 500
LEAST_PAIRS, MOST_PAIRS, LEAST_CHARACTERS = 200, 2000, 20_000


def held_out_pairs(time_limit: float | None) -> int:
    """The number of pairs that a fraction holds out, at the most."""
    return MOST_PAIRS if time_limit is None else max(LEAST_PAIRS, min(MOST_PAIRS, int(PAIRS_A_SECOND * time_limit)))


def held_out_characters(time_limit: float | None) -> int:
    """The number of characters that a fraction holds out, at the most."""
    return 2**62 if time_limit is None else max(LEAST_CHARACTERS, int(CHARACTERS_A_SECOND * time_limit))
