"""The single home of every default, and of its validation.

Each dataclass is frozen, knows nothing but numbers and names, and can be written to and read from JSON. The command
line takes its defaults from here; a checkpoint stores what it was made with.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self, get_args, get_type_hints

from rnntext.errors import CheckpointError, UsageError

CELLS = ("rnn", "lstm", "gru")
PRECISIONS = ("auto", "float32", "bfloat16")
PROMOTIONS = ("better", "always", "never")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _check_range(config: Any, low: float, high: float, *names: str) -> None:
    """Raises UsageError unless low <= value <= high for each named field; None passes."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not low <= value <= high:
            limits = f"at least {low}" if high == float("inf") else f"between {low} and {high}"
            raise UsageError(f"{_flag(name)} {value}: must be {limits}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raises UsageError unless the option's value is one of the choices."""
    if value not in choices:
        raise UsageError(f"{_flag(name)} {value}: must be one of {', '.join(choices)}")


class Config:
    """What the dataclasses below have in common."""

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Reads what `to_json` wrote; a missing field takes its default.

        Raises:
            CheckpointError: not an object, an unknown field, or a value of another type than the field's.
        """
        if not isinstance(values, dict):
            raise CheckpointError("config: not an object with the fields of a model")
        types = get_type_hints(cls)
        for name, value in values.items():
            if name not in types:
                raise CheckpointError(f"config field {name!r} is unknown to this version of rnntext")
            allowed = get_args(types[name]) or (types[name],)
            if type(value) not in allowed and not (float in allowed and type(value) is int):
                raise CheckpointError(f"config field {name!r}: {value!r} is not of type {allowed[0].__name__}")
        try:
            return cls(**values)
        except UsageError as error:
            raise CheckpointError(f"config: {error}") from error


@dataclasses.dataclass(frozen=True, kw_only=True)
class CharlmConfig(Config):
    """A character model: embedding, `layers` recurrent layers of `units`, softmax over characters.

    `lowercase` belongs to the model, as it decides what its prompts look like.
    """

    cell: str = "lstm"
    layers: int = 2
    units: int = 512
    embedding: int = 128
    lowercase: bool = False

    def __post_init__(self) -> None:
        check_choice("cell", self.cell, CELLS)
        _check_range(self, 1, 64, "layers")
        _check_range(self, 1, 16384, "units", "embedding")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
    """How a model is trained. Of `epochs`, `steps` and `time_limit` (seconds) the first to be reached ends the run.

    `window` is the number of steps of truncated back-propagation through time, `batch_size` the number of parallel
    streams, `dropout` the rate between layers, `recurrent_dropout` the rate on the recurrent connections (one mask per
    window, Gal and Ghahramani 2016), `average` the decay of the moving average of weights that is evaluated and
    shipped.
    """

    epochs: int | None = None
    steps: int | None = None
    time_limit: float | None = None
    batch_size: int = 64
    window: int = 128
    vocabulary_size: int | None = None
    learning_rate: float = 3e-3
    dropout: float = 0.5
    recurrent_dropout: float = 0.25
    average: float = 0.998
    precision: str = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        infinity = float("inf")
        _check_range(self, 1, infinity, "epochs", "steps", "time_limit")
        _check_range(self, 1, 65536, "batch_size", "window")
        _check_range(self, 1, 1_000_000, "vocabulary_size")
        _check_range(self, 0, 1, "learning_rate")
        _check_range(self, 0, 0.95, "dropout", "recurrent_dropout")
        _check_range(self, 0, 0.99999, "average")
        _check_range(self, 0, 2**31 - 1, "seed")
        check_choice("precision", self.precision, PRECISIONS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SamplingConfig(Config):
    """How characters are drawn. `temperature` 0 takes the likeliest one; None switches a filter off."""

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        _check_range(self, 0, 100, "temperature")
        _check_range(self, 1, float("inf"), "top_k")
        _check_range(self, 1e-6, 1, "top_p", "min_p")
        _check_range(self, 0.01, 100, "repetition_penalty")
