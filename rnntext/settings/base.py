"""Declarations of options. An option is declared once, as a field of a config:

    class CharlmTraining(TrainingConfig):
        window: int = option(128, "Steps of truncated back-propagation through time.", BUDGET, low=1, high=65536)

From this line follow its flag on the command line with the help, the check of its range, its place in a checkpoint, and
whether an unfinished training that is continued must have the same value.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import os
import reprlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, Self, get_args, get_type_hints

from rnntext.errors import CheckpointError, UsageError

# The headings of the help, in their order.
DATA = "Data"
MODEL = "Model"
BUDGET = "Budget"
LEARNING = "Learning rate and regularisation"
FORECAST = "Forecast"
LENGTH = "Length"
SAMPLING = "Sampling"
SEARCH = "Search"
JOB = "Job"
OUTPUT = "Output"
GENERAL = "General"
GROUPS = (DATA, MODEL, BUDGET, LEARNING, FORECAST, LENGTH, SAMPLING, SEARCH, JOB, OUTPUT, GENERAL)

# What an option is to a command that continues an unfinished training.
MUST_MATCH = "must match"  # it decides what is learnt, so that its value must be the same
MAY_CHANGE = "may change"

MIN_MEMBERS = 2  # of an ensemble that consists of versions of one model
MAX_INTEGER = 2**40  # absolute value of an integer in a stored config
MAX_TEXT = 64  # characters of a text in a stored config


@dataclasses.dataclass(frozen=True)
class Option:
    """The declaration of an option: everything but its name, type and default.

    Attributes:
        help: one sentence.
        group: the heading of the help under which it stands.
        low, high: the limits of a number, both included.
        choices: the possible values of a text.
        resume: MUST_MATCH or MAY_CHANGE; None: that of the config.
        hidden: whether it has no flag, and can be set in Python only.
        by_size: whether `rnntext.sizes` chooses the value if the command does not.
        shown: the default as the help calls it, where the value says too little.
        negative: the flag for False, if the default is True.
        duration: whether the flag takes a duration such as "90s", "30m" or "2h".
    """

    help: str
    group: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    resume: str | None = None
    hidden: bool = False
    by_size: bool = False
    shown: str | None = None
    negative: str | None = None
    duration: bool = False

    def check(self, name: str, value: Any) -> None:
        """Raises UsageError unless the value is None, or within the limits, or one of the choices."""
        if value is None:
            return
        if self.choices:
            check_choice(name, value, self.choices)
        if self.low is None:
            return
        high = float("inf") if self.high is None else self.high
        try:
            is_inside = self.low <= value <= high
        except TypeError:
            raise UsageError(f"{flag(name)} {value!r}: must be a number") from None
        if not is_inside:
            limits = f"at least {self.low}" if self.high is None else f"between {self.low} and {high}"
            raise UsageError(f"{flag(name)} {value}: must be {limits}")


def option(default: Any, help: str, group: str, **others: Any) -> Any:
    """The field of a config for an option; for `others` see Option."""
    return dataclasses.field(default=default, metadata={"option": Option(help, group, **others)})


def inherited(parent: type[Config], name: str, **changes: Any) -> Any:
    """The field of the parent again, with another default or other attributes of its Option."""
    fields = {field.name: field for field in dataclasses.fields(parent)}  # type: ignore[arg-type]
    default = changes.pop("default", fields[name].default)
    declared = dataclasses.replace(fields[name].metadata["option"], **changes)
    return dataclasses.field(default=default, metadata={"option": declared})


def flag(name: str) -> str:
    """The flag of a field on the command line."""
    return "--" + name.replace("_", "-")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raises UsageError unless the value of an option is one of the choices; the message names the nearest one."""
    if value in choices:
        return
    near = difflib.get_close_matches(str(value).lower(), choices, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"{flag(name)} {value}: must be one of {', '.join(choices)}{hint}")


def as_texts(name: str, value: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """The texts or paths that a parameter takes; a single one counts as a list of one.

    Raises:
        UsageError: one of them is something else.
    """
    single = isinstance(value, str | bytes | os.PathLike)
    members = [value] if single or not isinstance(value, Iterable) else list(value)
    return [as_text(name, member) for member in members]


def as_text(name: str, value: Any) -> str:
    """The text or path that a parameter takes; a number counts as the text that it is on the command line.

    Raises:
        UsageError: it is something else, such as a list.
    """
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"{name} {value!r}: must be a text")
    return os.fspath(value)


def as_count(name: str, value: Any, low: int = 0, high: int | None = None) -> int:
    """The whole number that a parameter takes.

    Raises:
        UsageError: it is something else, or not between `low` and `high`.
    """
    limits = f"{low} or more" if high is None else f"between {low} and {high}"
    if not hasattr(value, "__index__") or not low <= value <= (value if high is None else high):
        raise UsageError(f"{name} {value!r}: must be a whole number, {limits}")
    return int(value)


@functools.cache
def _options(cls: Any) -> dict[str, Option]:
    """The declarations of a config by field name, cached, as every config checks its values by them."""
    return {field.name: field.metadata["option"] for field in dataclasses.fields(cls)}


@functools.cache
def _types(cls: Any) -> dict[str, Any]:
    """The types of a config's fields by name, cached, as annotations are text whose evaluation takes time."""
    hints = get_type_hints(cls)
    return {name: hints[name] for name in cls.options()}


class Config:
    """The base of the frozen dataclasses whose fields are options.

    Attributes:
        resume: MUST_MATCH or MAY_CHANGE, for the fields that do not say so themselves.
        retired: names of fields that older versions stored and that had no effect.
    """

    resume: ClassVar[str | None] = None
    retired: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for name, declared in self.options().items():
            declared.check(name, getattr(self, name))
        self.check()

    def check(self) -> None:
        """Raises UsageError if the values of several fields contradict one another."""

    @classmethod
    def options(cls) -> dict[str, Option]:
        """The declarations by field name."""
        return _options(cls)  # type: ignore[arg-type]

    @classmethod
    def flags(cls) -> dict[str, tuple[Any, Any, Option]]:
        """The options that a command offers: type, default and declaration by name. The default of an option that is
        chosen by size is None."""
        types = _types(cls)  # type: ignore[arg-type]
        flags = {}
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            declared = field.metadata["option"]
            default = None if declared.by_size else field.default
            if not declared.hidden:
                flags[field.name] = (types[field.name], default, declared)
        return flags

    @classmethod
    def from_flags(cls, values: Mapping[str, Any]) -> Config:
        """The config with these values by name. Other names are ignored; fields that are left open have their
        defaults."""
        left_open = cls.left_open(values)
        given = {name: values[name] for name in cls.options() if name in values and name not in left_open}
        return cls(**given)

    @classmethod
    def left_open(cls, values: Mapping[str, Any]) -> frozenset[str]:
        """Names of the fields that are chosen by size and have no value among these."""
        return frozenset(name for name in cls.chosen_by_size() if values.get(name) is None)

    def to_flags(self, left_open: Collection[str]) -> dict[str, Any]:
        """The values by name of the options that a command offers, without those that are left open."""
        return {name: getattr(self, name) for name in self.flags() if name not in left_open}

    @classmethod
    def chosen_by_size(cls) -> frozenset[str]:
        """Names of the fields that `rnntext.sizes` chooses where the command does not."""
        return frozenset(name for name, declared in cls.options().items() if declared.by_size)

    @classmethod
    def may_change(cls) -> frozenset[str]:
        """Names of the fields whose values may change when an unfinished training is continued."""
        resume = {name: declared.resume or cls.resume for name, declared in cls.options().items()}
        return frozenset(name for name in resume if resume[name] == MAY_CHANGE)

    def to_json(self) -> dict[str, Any]:
        """The values of all fields by name."""
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The config that `to_json` wrote; a missing field has its default.

        Raises:
            CheckpointError: the values are not an object, name an unknown field, or have another type than the field.
        """
        if not isinstance(values, dict):
            raise CheckpointError("config: not an object with the fields of a model")
        types = _types(cls)  # type: ignore[arg-type]
        kept = {name: value for name, value in values.items() if name not in cls.retired}
        for name, value in kept.items():
            if name not in types:
                raise CheckpointError(f"config field {reprlib.repr(name)} is unknown to this version of rnntext")
            allowed = get_args(types[name]) or (types[name],)  # int | None allows int and None
            _check_stored(name, value, allowed)
        try:
            return cls(**kept)
        except UsageError as error:
            raise CheckpointError(f"config: {error}") from error


def _check_stored(name: str, value: Any, allowed: tuple[type, ...]) -> None:
    """Raises CheckpointError unless a value from a file has one of the types and is small enough for a message."""
    integer_for_float = float in allowed and type(value) is int
    if type(value) not in allowed and not integer_for_float:
        raise CheckpointError(f"config field {name!r}: {reprlib.repr(value)} is not of type {allowed[0].__name__}")
    if isinstance(value, str):
        acceptable = value.isascii() and value.isprintable() and len(value) <= MAX_TEXT
    else:
        acceptable = not isinstance(value, int) or abs(value) <= MAX_INTEGER
    if not acceptable:  # refused here, as the check of limits and choices would print the value as it is
        raise CheckpointError(f"config field {name!r}: {reprlib.repr(value)} is out of range")
