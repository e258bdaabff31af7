"""Trained models, loaded from their folders and ready for use."""

from __future__ import annotations

import gc
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from rnntext.errors import CheckpointError, UsageError
from rnntext.families import CHARLM, FAMILIES, FORECASTER, TRANSLATOR, Family, family_of
from rnntext.storage import models
from rnntext.storage.checkpoint import Checkpoint, full_name, in_service, load_version, versions
from rnntext.storage.checkpoint import load as load_checkpoint

if TYPE_CHECKING:
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.forecasting import ForecastModel
    from rnntext.jobs.translation import TranslationModel


Version = str | int | None  # the name of a version, leading zeros or not; None: the one in service


def find(name: str, family: Family, version: Version = None) -> Path:
    """The folder of a model that a command names, to be loaded.

    Args:
        name: of the model, or its path.
        family: the kind that the command is for.
        version: that is to be loaded.

    Raises:
        UsageError: there is nothing to load.
        CheckpointError: there is nothing but a damaged unfinished training.
    """
    path = models.folder(name)
    if in_service(path) or (versions(path) and version is not None):
        return path
    if versions(path) or models.begun(path):
        raise UsageError(absence(path))
    return models.find(name, family.train)


def absence(path: Path) -> str:
    """Why a model has nothing in service, and what to do, in a sentence.

    Raises:
        CheckpointError: its unfinished training is damaged.
    """
    known = versions(path)
    if known:
        return (
            f"{path}: no version is in service; there are: {', '.join(known)}; to put one into service: "
            f"rnntext checkpoints promote {models.quoted(path)} {known[-1]}"
        )
    from rnntext.jobs import finishing

    begun = finishing.read(path)
    if begun is not None:
        return begun.sentence()
    return f"{path}: there is no trained model in this folder (no file 'current')"


def load(
    path: str | PathLike[str], threads: int = 1, version: Version = None
) -> CharacterModel | TranslationModel | ForecastModel:
    """The version in service of a model, of whatever kind, or another version.

    >>> import rnntext
    >>> rnntext.load("checkpoints/charlm").generate_many("abc", count=1, length=5)
    ['defgh']

    Args:
        path: the model's folder.
        threads: that a matrix product may use; more than one helps only on a machine with nothing else to do.
        version: its name, leading zeros or not; None: the one in service.

    Raises:
        CheckpointError: there is no checkpoint in the folder, or it is damaged.
        UsageError: this version of rnntext does not know the kind of model, or there is no such version.
    """
    checkpoint = _loaded(path, version)
    model = FAMILIES[checkpoint.kind].implementation()
    return model(checkpoint, threads)  # type: ignore[no-any-return]


def load_characters(path: str | PathLike[str], threads: int = 1, version: Version = None) -> CharacterModel:
    """A version of a character model; see `load`.

    Raises:
        UsageError: it is another kind of model.
    """
    checkpoint = _loaded(path, version, CHARLM)
    return CHARLM.implementation()(checkpoint, threads)  # type: ignore[no-any-return]


def load_translation(
    path: str | PathLike[str], threads: int = 1, engine: str = "numpy", jobs: int = 1, version: Version = None
) -> TranslationModel:
    """A version of a translation model; see `load`.

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
    checkpoint = _loaded(path, version, TRANSLATOR)
    model = TRANSLATOR.implementation()(checkpoint, threads, engine, jobs)
    gc.freeze()  # The model stays, so Python need not search it for garbage again and again.
    return model  # type: ignore[no-any-return]


def load_forecaster(
    path: str | PathLike[str], threads: int = 1, version: Version = None, floor: float | None = None
) -> ForecastModel:
    """A version of a forecaster; see `load`.

    Args:
        floor: no forecast is below it; None: that of the training, if it has one.

    Raises:
        UsageError: it is another kind of model.
    """
    checkpoint = _loaded(path, version, FORECASTER)
    return FORECASTER.implementation()(checkpoint, threads, floor)  # type: ignore[no-any-return]


def _loaded(path: str | PathLike[str], version: Version, family: Family | None = None) -> Checkpoint:
    """A version, checked.

    Args:
        family: the kind that it must be of; None: any kind that this version of rnntext knows.
    """
    root = Path(path)
    if version is not None:
        checkpoint = load_version(root / "versions" / full_name(root, version))
    elif in_service(root):
        checkpoint = load_checkpoint(root)
    else:
        raise CheckpointError(absence(root))
    known = family_of(checkpoint.kind, checkpoint.path)
    if family is not None and family is not known:
        raise UsageError(f"{checkpoint.path}: this is a {checkpoint.kind} model; {family.title} is needed here")
    return checkpoint
