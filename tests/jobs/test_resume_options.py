"""Going on with an unfinished training: every option either must match, and is named if it does not, or may change."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from rnntext.errors import UsageError
from rnntext.jobs import beginning, unfinished
from rnntext.jobs.charlm_recipe import CharlmRecipe
from rnntext.jobs.texts import TextSource
from rnntext.jobs.unfinished import Snapshot
from rnntext.settings.base import MAY_CHANGE, MUST_MATCH, Config, flag
from rnntext.settings.charlm import CharlmConfig, CharlmTraining, SamplingConfig
from rnntext.settings.forecaster import ForecastConfig, ForecastTraining
from rnntext.settings.search import SearchConfig
from rnntext.settings.training import JobConfig, TrainingConfig

NOT_OF_A_TRAINING = (SearchConfig, SamplingConfig)


def families(cls: type[Config] = Config) -> list[type[Config]]:
    """All configs that a training may have, whoever adds them."""
    found = [sub for child in cls.__subclasses__() for sub in (child, *families(child))]
    ours = [sub for sub in found if sub.__module__.startswith("rnntext.")]  # not those that tests make
    return [sub for sub in ours if not issubclass(sub, NOT_OF_A_TRAINING)]


def fields(cls: type[Config]) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]


FIELDS = [(cls, name) for cls in families() for name in fields(cls)]
ids = [f"{cls.__name__}.{name}" for cls, name in FIELDS]


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=ids)
def test_every_field_of_every_config_is_classed(cls: type[Config], name: str) -> None:
    resume = cls.options()[name].resume or cls.resume
    assert resume in (MUST_MATCH, MAY_CHANGE)
    assert (name in cls.may_change()) == (resume == MAY_CHANGE)


CHOICES = {
    "cell": "gru",
    "attention": "none",
    "positions": "learned",
    "tokens": "word",
    "schedule": "inverse-root",
    "precision": "float32",
    "promote": "always",
    "units": 64,
    "heads": 2,
    "command": "another",
    "architecture": "linear",
    "strategy": "seq2seq",
    "scale": "none",
    "loss": "mse",
}
OTHERS = {ForecastConfig: {"architecture": "deep-rnn"}}  # with which every field can have another value


def another(default: Config, name: str) -> Any:
    """Another value of a field than its default."""
    if name in CHOICES:
        return CHOICES[name]
    before, hint = getattr(default, name), get_type_hints(type(default))[name]
    kinds = get_args(hint) or (hint,)
    if bool in kinds:
        return not before
    return (before or 0) + 1 if int in kinds else 90.0 if before is None else before / 2 + 0.01


class AnyRecipe:
    """What `beginning` asks a recipe for to know its settings."""

    def __init__(self, model: Config, budget: Config) -> None:
        self.model, self.training = model, budget
        self.options = {"model": model.to_json(), "training": budget.to_json(), "data": {"sources": ["a"]}}


def go_on(cls: type[Config], values: dict[str, Any]) -> None:
    """Begins a training with defaults, and goes on with other values of one config."""

    def made(values: dict[str, Any]) -> tuple[Any, JobConfig]:
        changed = cls(**{**OTHERS.get(cls, {}), **values})
        if isinstance(changed, JobConfig):
            return AnyRecipe(CharlmConfig(), CharlmTraining()), changed
        if isinstance(changed, TrainingConfig):
            return AnyRecipe(CharlmConfig(), changed), JobConfig()
        return AnyRecipe(changed, ForecastTraining() if cls is ForecastConfig else CharlmTraining()), JobConfig()

    before, now = made({}), made(values)
    begun = Snapshot("any", beginning.settings(*before), {}, {}, "c0ffee")
    unfinished.check_same(begun, "any", beginning.settings(*now), beginning.configs(now[0]))


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=ids)
def test_a_field_that_must_match_is_named_and_one_that_may_change_is_no_obstacle(cls: type[Config], name: str) -> None:
    default = cls(**OTHERS.get(cls, {}))
    value = another(default, name)
    assert value != getattr(default, name)
    if name in cls.may_change():
        go_on(cls, {name: value})
        return
    with pytest.raises(UsageError, match="--fresh") as refused:
        go_on(cls, {name: value})
    declared = cls.options()[name]
    if declared.negative:
        assert f"({flag(name)} -> {declared.negative})" in str(refused.value)
    else:
        assert f"({flag(name)} " in str(refused.value)
        assert f"-> {value})" in str(refused.value)


def test_an_option_that_an_older_rnntext_did_not_have_counts_as_its_default() -> None:
    recipe = CharlmRecipe(TextSource(["a.txt"], "0.1"), CharlmConfig(), CharlmTraining())
    settings = beginning.settings(recipe, JobConfig())
    older = {group: dict(members) for group, members in settings.items()}
    del older["training"]["recurrent_dropout"], older["job"]
    begun = Snapshot("charlm", older, {}, {}, "c0ffee")
    unfinished.check_same(begun, "charlm", settings, beginning.configs(recipe))
    other = beginning.settings(recipe, JobConfig(warm_start=False))
    with pytest.raises(UsageError, match=r"\(--warm-start -> --from-scratch\)"):
        unfinished.check_same(begun, "charlm", other, beginning.configs(recipe))


def test_an_upgrade_is_told_by_name_and_version(tmp_path: Path) -> None:
    begun = Snapshot(
        "charlm", {}, {}, {"ids": np.zeros(1)}, "c0ffee", software={"rnntext": "0.0.9", "tensorflow": "1.0"}
    )
    unfinished.write(tmp_path / "run", begun)
    found = unfinished.read(tmp_path / "run")
    assert found is not None
    said = str(unfinished.upgraded(found))
    assert "rnntext 0.0.9 -> " in said
    assert "tensorflow 1.0 -> " in said
    assert unfinished.upgraded(Snapshot("charlm", {}, {}, {}, "c0ffee")) is None
