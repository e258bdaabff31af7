"""The fields that the command leaves open, chosen by the rules of `rnntext.sizes` when data and machine are known."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Self, TypeVar

from rnntext import sizes
from rnntext.jobs.promotion import MAX_SHARED, seen_by
from rnntext.jobs.recipe import IncomparableError
from rnntext.settings.base import Config, flag
from rnntext.settings.training import SizedTraining
from rnntext.sizes import Budget, Fields, Row
from rnntext.text import overlap
from rnntext.text.overlap import Hashes

AnyConfig = TypeVar("AnyConfig", bound=Config)
Chosen = Mapping[str, Any]  # "size", and the values of the fields that were left open


def all_open(*configs: tuple[Config | None, type[Config]]) -> frozenset[str]:
    """Names of the fields that are chosen by size, of all configs that are not given.

    Args:
        configs: pairs of a config, None if it is not given, and its type.
    """
    names: set[str] = set()
    for config, cls in configs:
        if config is None:
            names |= cls.chosen_by_size()
    return frozenset(names)


def filled(config: AnyConfig, values: Fields, free: Collection[str]) -> AnyConfig:
    """The config with these values in its free fields."""
    changes = {}
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        if field.name in free and field.name in values:
            changes[field.name] = values[field.name]
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def asked(config: Config, free: Collection[str]) -> dict[str, Any]:
    """The values of all fields as the command has them, by name; None for those that it leaves open."""
    values = config.to_json()
    return {name: None if name in free else value for name, value in values.items()}


def training_budget(tokens: float, training: SizedTraining) -> Budget:
    """What a training can spend on data of so many tokens. TensorFlow must have been started."""
    if training.time_limit is None:
        return Budget(tokens)
    from rnntext.train import precision, speed

    seconds = sizes.TRAINING_SHARE * training.time_limit
    data_type = precision.choose(training.precision)
    return Budget(tokens, seconds, speed.operations_a_second(data_type))


@dataclasses.dataclass(frozen=True)
class Inherited:
    """What a choice takes from the version whose weights a run begins with.

    Attributes:
        version: its name.
        fields: of its model and of its training.
    """

    version: str
    fields: Fields


class SizedRecipe:
    """What the recipes (see `jobs.recipe.Recipe`) of all models with sizes have in common.

    Args:
        model, training: the configs, with any values in their free fields.
        size: one of `sizes.SIZES`, or "auto".
        free: names of the fields that the command leaves open.
        report: is told what was chosen.
    """

    model: Config
    training: SizedTraining

    def __init__(
        self,
        model: Config,
        training: SizedTraining,
        size: str,
        free: frozenset[str],
        report: Callable[[str], None],
    ) -> None:
        self.model = model
        self.training = training
        self.size = size
        self.free = free
        self.report = report

    def shaped(self, values: Fields) -> Config:
        """The model's config with these values in its free fields."""
        return filled(self.model, values, self.free)

    def settled(self, chosen: Chosen) -> Self:
        """See Recipe."""
        recipe = copy.copy(self)
        recipe.model = self.shaped(chosen)
        recipe.training = filled(self.training, chosen, self.free)
        return recipe

    def check_vocabulary(self, parent: Any) -> None:
        """See Recipe; no vocabulary can be named."""

    def _tell_shared(self, held_out: Hashes, seen: Hashes, parent: Any | None) -> None:
        """Tells the user if held-out text is also learnt from, or was by the parent: such a score flatters the model.

        Args:
            held_out: all hashes of the held-out text.
            seen: sketch of the training text.
            parent: the model whose weights the run begins with.
        """
        share = overlap.share(held_out, overlap.merge(seen, seen_by(parent)))
        if share > MAX_SHARED:
            self.report(f"{share:.0%} of the held-out text is in the training text, too, which flatters the score")

    def _choose_size(
        self,
        rows: Mapping[str, Row],
        parameters: Callable[[Fields], float],
        budget: Budget,
        inherited: Inherited | None,
        max_size: str = "large",
    ) -> tuple[str, Fields]:
        """The name of a size and its fields: the inherited ones, if there are any; otherwise by `sizes.choose_size`.

        Raises:
            IncomparableError: the command names another size than the inherited one.
        """
        if inherited is None:
            name = sizes.choose_size(self.size, rows, parameters, budget, max_size)
            return name, rows[name].fields
        if self.size != "auto":
            self._check_size(rows[self.size].fields, inherited.fields)
        return f"of version {inherited.version}", inherited.fields

    def _check_size(self, wanted: Fields, stored: Fields) -> None:
        for name, value in wanted.items():
            if name in self.free and stored.get(name, value) != value:
                raise IncomparableError("the version in service has another size")

    def _exposure(
        self, affordable_tokens: float, budget: Budget, batch: str, batches: tuple[int, ...], tokens_each: float
    ) -> tuple[int, float]:
        """The batch size, and the number of tokens that the run sees within all of its limits.

        Args:
            affordable_tokens: number of tokens that the model can see in the time of the budget.
            batch: name of the field of the training that holds the batch size.
            batches: the batch sizes there are, the largest first.
            tokens_each: tokens in a step of batch size 1.
        """
        training = self.training
        seen_tokens = affordable_tokens
        if training.epochs is not None:
            seen_tokens = min(seen_tokens, training.epochs * budget.tokens)
        if batch not in self.free:
            size = getattr(training, batch)
        elif training.steps is not None:
            size = batches[0]  # A smaller batch would see less in these steps.
        else:
            size = sizes.choose_batch(batches, tokens_each, seen_tokens)
        if training.steps is not None:
            seen_tokens = min(seen_tokens, training.steps * size * tokens_each)
        return size, seen_tokens

    def _chosen(self, size: str, values: Fields, budget: Budget, token: str, seen_tokens: float) -> Chosen:
        """The choice: the name of the size, and the values of the free fields. Tells the user about it.

        Args:
            token: what a token is called, in the plural.
            seen_tokens: number of tokens that the run can see.
        """
        free_values = {name: value for name, value in values.items() if name in self.free}
        chosen = {"size": size, **free_values}
        self.report(sentence(chosen, budget, token, seen_tokens))
        return chosen


def sentence(chosen: Chosen, budget: Budget, token: str, seen_tokens: float) -> str:
    """What was chosen, and why, in a sentence for the user."""
    options = [f"{flag(name)} {value}" for name, value in chosen.items() if name != "size"]
    reason = f"{budget.tokens:,.0f} {token}"
    if math.isfinite(seen_tokens):
        passes = seen_tokens / budget.tokens
        reason += f", {passes:.2g} passes"
    if budget.seconds is not None:
        reason += f" at {budget.speed / 1e9:.0f} GFLOP/s"
    size = chosen["size"]
    hint = "" if size in sizes.SIZES else "; --from-scratch chooses anew"
    return f"size {size} ({reason}): {', '.join(options)}{hint}"
