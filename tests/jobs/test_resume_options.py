"""Going on with an unfinished training: every option either must match, and is named if it does not, or may change."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from rnntext import config
from rnntext.config import CharlmConfig, CharlmTraining, Config, JobConfig
from rnntext.errors import UsageError
from rnntext.jobs import training, unfinished
from rnntext.jobs.train_charlm import CharlmRecipe
from rnntext.jobs.unfinished import Snapshot

NOT_OF_A_TRAINING = {config.SearchConfig, config.SamplingConfig}


def families(cls: type[Config] = Config) -> list[type[Config]]:
    """All configs that a training may have, whoever adds them."""
    found = [sub for child in cls.__subclasses__() for sub in (child, *families(child))]
    return [sub for sub in found if sub not in NOT_OF_A_TRAINING]


def fields(cls: type[Config]) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]


FIELDS = [(cls, name) for cls in families() for name in fields(cls)]
ids = [f"{cls.__name__}.{name}" for cls, name in FIELDS]


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=ids)
def test_every_field_of_every_config_is_classed_once(cls: type[Config], name: str) -> None:
    assert (name in cls.must_match) != (name in cls.may_change), f"say in config.py whether {name} must match"


@pytest.mark.parametrize("cls", families())
def test_nothing_else_is_classed(cls: type[Config]) -> None:
    assert cls.must_match | cls.may_change == set(fields(cls))


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
}


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
    """What `training` asks a recipe for to know its settings."""

    kind = "any"

    def __init__(self, model: Config, budget: Config) -> None:
        self.model, self.training = model, budget
        self.options = {"model": model.to_json(), "training": budget.to_json(), "data": {"sources": ["a"]}}


def go_on(cls: type[Config], values: dict[str, Any]) -> None:
    """Begins a training with defaults, and goes on with other values of one config."""

    def made(values: dict[str, Any]) -> tuple[Any, JobConfig]:
        configs = {CharlmConfig: CharlmConfig(), CharlmTraining: CharlmTraining(), JobConfig: JobConfig()}
        changed = cls(**values)
        if isinstance(changed, JobConfig):
            return AnyRecipe(configs[CharlmConfig], configs[CharlmTraining]), changed
        if isinstance(changed, config.TrainingConfig):
            return AnyRecipe(configs[CharlmConfig], changed), JobConfig()
        return AnyRecipe(changed, configs[CharlmTraining]), JobConfig()

    before, now = made({}), made(values)
    begun = Snapshot("any", training._settings(*before), {}, {}, "c0ffee")
    unfinished.check_same(begun, "any", training._settings(*now), training._defaults(now[0]))


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=ids)
def test_a_field_that_must_match_is_named_and_one_that_may_change_is_no_obstacle(cls: type[Config], name: str) -> None:
    value = another(cls(), name)
    assert value != getattr(cls(), name)
    if name in cls.may_change:
        go_on(cls, {name: value})
        return
    with pytest.raises(UsageError, match="--fresh") as refused:
        go_on(cls, {name: value})
    flag = unfinished._named(name)
    assert f"({flag} " in str(refused.value)
    assert f"-> {value})" in str(refused.value)


def test_an_option_that_an_older_rnntext_did_not_have_counts_as_its_default() -> None:
    recipe = CharlmRecipe(["a.txt"], CharlmConfig(), CharlmTraining(), "0.1", "strict")
    settings = training._settings(recipe, JobConfig())
    older = {group: dict(members) for group, members in settings.items()}
    del older["training"]["recurrent_dropout"], older["job"]
    begun = Snapshot("charlm", older, {}, {}, "c0ffee")
    unfinished.check_same(begun, "charlm", settings, training._defaults(recipe))
    other = training._settings(recipe, JobConfig(warm_start=False))
    with pytest.raises(UsageError, match=r"\(not --from-scratch True -> False\)"):
        unfinished.check_same(begun, "charlm", other, training._defaults(recipe))


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
