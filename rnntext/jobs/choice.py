"""What the command leaves open, chosen when the data and the machine are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from rnntext.config import Config, TrainingConfig
from rnntext.jobs.recipe import IncomparableError
from rnntext.sizes import EFFICIENCY, SIZES, TRAINING_SHARE, Budget, Fields

C = TypeVar("C", bound=Config)
Chosen = Mapping[str, Any]  # "size", and the fields that were left open


def left_open(given: Collection[str] | None, open_fields: frozenset[str], *configs: Config | None) -> frozenset[str]:
    """Names of the fields that are to be chosen.

    Args:
        given: names of fields that are not; None: all fields of the configs that are not None.
        open_fields: those that can be chosen.
    """
    if given is None:
        given = {field.name for config in configs if config for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    return open_fields - set(given)


def filled(config: C, values: Fields, free: Collection[str]) -> C:
    """A config whose free fields have these values."""
    names = {field.name for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    return dataclasses.replace(config, **{n: v for n, v in values.items() if n in free and n in names})  # type: ignore[type-var]


def asked(config: Config, free: Collection[str]) -> dict[str, Any]:
    """All fields as the command has them; None where it leaves the choice to us."""
    return {name: None if name in free else value for name, value in config.to_json().items()}


def check_size(wanted: Fields, stored: Fields, free: Collection[str]) -> None:
    """Raises IncomparableError unless a version has the size that the command names."""
    if any(name in free and stored.get(name, value) != value for name, value in wanted.items()):
        raise IncomparableError("the version in service has another size")


def budget(units: float, training: TrainingConfig, precision: Callable[[str], str]) -> Budget:
    """What a training can spend on data of so many units. Call it after TensorFlow was started.

    Args:
        precision: makes of "auto" what this processor computes in.
    """
    if training.time_limit is None:
        return Budget(units)
    from rnntext.train.speed import operations_a_second

    speed = operations_a_second(precision(training.precision))
    return Budget(units, TRAINING_SHARE * training.time_limit, EFFICIENCY * speed)


def sentence(chosen: Chosen, budget: Budget, unit: str, seen: float) -> str:
    """What was chosen, and why, for a person."""
    fields = ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in chosen.items() if name != "size")
    reason = f"{budget.units:,.0f} {unit}"
    if budget.seconds is not None:
        passes = seen / budget.units
        reason += f", some {passes:.2g} passes at {budget.speed / 1e9:.0f} GFLOP/s"
    kept = "; --from-scratch chooses anew" if chosen["size"] not in SIZES else ""
    return f"size {chosen['size']} ({reason}): {fields}{kept}"
