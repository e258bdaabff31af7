"""Trained models, loaded from their folders and ready for use."""

from __future__ import annotations

import gc
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from rnntext.errors import CheckpointError, UsageError
from rnntext.families import CHARLM, FAMILIES, FORECASTER, TRANSLATOR, Family
from rnntext.storage.checkpoint import Checkpoint, in_service
from rnntext.storage.checkpoint import load as load_checkpoint

if TYPE_CHECKING:
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.forecasting import ForecastModel
    from rnntext.jobs.translation import TranslationModel


def load(path: str | PathLike[str], threads: int = 1) -> CharacterModel | TranslationModel | ForecastModel:
    """The version in service of a model, of whatever kind.

    >>> import rnntext
    >>> rnntext.load("checkpoints/charlm").generate_many("abc", count=1, length=5)
    ['defgh']

    Args:
        path: the model's folder.
        threads: that a matrix product may use; more than one helps only on a machine with nothing else to do.

    Raises:
        CheckpointError: there is no checkpoint in the folder, or it is damaged.
        UsageError: this version of rnntext does not know the kind of model.
    """
    checkpoint = _in_service(path)
    model = FAMILIES[checkpoint.kind].implementation()
    return model(checkpoint, threads)  # type: ignore[no-any-return]


def load_characters(path: str | PathLike[str], threads: int = 1) -> CharacterModel:
    """The version in service of a character model; see `load`.

    Raises:
        UsageError: it is another kind of model.
    """
    checkpoint = _in_service(path, CHARLM)
    return CHARLM.implementation()(checkpoint, threads)  # type: ignore[no-any-return]


def load_translation(
    path: str | PathLike[str], threads: int = 1, engine: str = "numpy", jobs: int = 1
) -> TranslationModel:
    """The version in service of a translation model; see `load`.

    From then on the process keeps the memory that it frees, and all objects that exist are exempt from garbage
    collection: this function is for processes that do nothing but translate.

    Args:
        engine: "numpy" or "ctranslate2".
        jobs: number of translations that CTranslate2 computes at the same time.

    Raises:
        UsageError: it is another kind of model, or one that the engine cannot run.
    """
    from rnntext.run.memory import keep_freed_memory

    keep_freed_memory()
    checkpoint = _in_service(path, TRANSLATOR)
    model = TRANSLATOR.implementation()(checkpoint, threads, engine, jobs)
    gc.freeze()  # The model stays, so Python need not search it for garbage again and again.
    return model  # type: ignore[no-any-return]


def load_forecaster(path: str | PathLike[str], threads: int = 1) -> ForecastModel:
    """The version in service of a forecaster; see `load`.

    Raises:
        UsageError: it is another kind of model.
    """
    checkpoint = _in_service(path, FORECASTER)
    return FORECASTER.implementation()(checkpoint, threads)  # type: ignore[no-any-return]


def _in_service(path: str | PathLike[str], family: Family | None = None) -> Checkpoint:
    """The checkpoint in service.

    Args:
        family: the kind that it must be of; None: any kind that this version of rnntext knows.
    """
    root = Path(path)
    if not in_service(root):
        raise CheckpointError(f"{root}: there is no trained model in this folder (no file 'current')")
    checkpoint = load_checkpoint(root)
    if checkpoint.kind not in FAMILIES:
        raise UsageError(
            f"{checkpoint.path}: this is a {checkpoint.kind} model, which this version of rnntext does not know"
        )
    if family is not None and checkpoint.kind != family.kind:
        raise UsageError(f"{checkpoint.path}: this is a {checkpoint.kind} model; {family.title} is needed here")
    return checkpoint
