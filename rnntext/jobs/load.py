"""From a folder to a model that can be used."""

from __future__ import annotations

import gc
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from rnntext.errors import CheckpointError, UsageError
from rnntext.storage import checkpoint

if TYPE_CHECKING:
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.forecasting import ForecastModel
    from rnntext.jobs.translation import TranslationModel


def load(path: str | PathLike[str], threads: int = 1) -> CharacterModel | TranslationModel | ForecastModel:
    """Loads the version in service of a model's folder, whatever kind of model it is.

    Args:
        threads: how many matrix products may use; more than one pays on a machine that has nothing else to do.

    Raises:
        CheckpointError: there is no checkpoint in the folder, or it is damaged.
        UsageError: a kind of model that this version does not know.
    """
    found = _checkpoint(path)
    if found.kind == "charlm":
        from rnntext.jobs.characters import CharacterModel

        return CharacterModel(found, threads)
    if found.kind == "translator":
        from rnntext.jobs.translation import TranslationModel

        return TranslationModel(found, threads)
    if found.kind == "forecaster":
        from rnntext.jobs.forecasting import ForecastModel

        return ForecastModel(found, threads)
    raise UsageError(f"{found.path}: this is a {found.kind} model, which this version of rnntext does not know")


def load_characters(path: str | PathLike[str], threads: int = 1) -> CharacterModel:
    """`load`, for a character model; UsageError if it is another kind."""
    from rnntext.jobs.characters import CharacterModel

    return CharacterModel(_checkpoint(path), threads)


def load_translation(
    path: str | PathLike[str], threads: int = 1, engine: str = "numpy", jobs: int = 1
) -> TranslationModel:
    """`load`, for a translation model, to be run by "numpy" or "ctranslate2", the latter with so many jobs side by
    side; UsageError if it is another kind, or one that the engine cannot run. The process then keeps what memory it
    frees, and all objects that it has: it is one of our commands."""
    from rnntext.jobs.translation import TranslationModel
    from rnntext.run.memory import keep_freed_memory

    keep_freed_memory()
    model = TranslationModel(_checkpoint(path), threads, engine, jobs)
    gc.freeze()  # what is loaded stays: Python need not look through it for cycles, again and again
    return model


def load_forecaster(path: str | PathLike[str], threads: int = 1) -> ForecastModel:
    """`load`, for a forecaster; UsageError if it is another kind."""
    from rnntext.jobs.forecasting import ForecastModel

    return ForecastModel(_checkpoint(path), threads)


def _checkpoint(path: str | PathLike[str]) -> checkpoint.Checkpoint:
    root = Path(path)
    if not checkpoint.in_service(root):
        raise CheckpointError(f"{root}: there is no trained model in this folder (no file 'current')")
    return checkpoint.load(root)
