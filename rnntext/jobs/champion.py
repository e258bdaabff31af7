"""The model in service, with which a new version is compared, and whose weights a run may begin with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnntext.errors import CheckpointError, NewerCheckpointError, UsageError
from rnntext.families import Family
from rnntext.jobs.recipe import IncomparableError, Recipe
from rnntext.storage import checkpoint, models


def load_champion(path: Path, family: Family, report: Callable[[str], None]) -> Any | None:
    """The model in service, of the family's class; None if there is none or it is damaged, since any new version is
    better than a damaged one.

    Args:
        report: is told of damage that shows only when the model is put together.

    Raises:
        NewerCheckpointError: a newer rnntext wrote it.
        UsageError: it is another kind of model.
    """
    # 1. Load the checkpoint.
    if not models.in_service(path):
        return None
    try:
        serving = checkpoint.load(path)
    except NewerCheckpointError:
        raise
    except CheckpointError:
        return None

    # 2. Make a model of it.
    if serving.kind != family.kind:
        raise UsageError(f"{path}: this is a {serving.kind} model; train a {family.kind} under another name")
    try:
        return family.implementation()(serving)
    except CheckpointError as error:
        report(f"{error}: nothing can be compared with the version in service, or begin with its weights")
        return None


def check_parent(recipe: Recipe, parent: Any) -> None:
    """Raises IncomparableError unless a run can begin with the weights of the model in service."""
    recipe.check_comparable(parent)
    stored = parent.checkpoint.json("config.json")
    defaults = type(recipe.model)().to_json()
    model = {**defaults, **stored["model"]}
    changed = []
    for name, value in recipe.options["model"].items():
        if name not in recipe.free and model.get(name) != value:
            changed.append(name)
    if changed:
        raise IncomparableError(f"the version in service has another shape ({', '.join(changed)})")
