"""Trained models, loaded from their folders and ready for use."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnntext.errors import CheckpointError, UsageError
from rnntext.families import CHARLM, FAMILIES, FORECASTER, TRANSLATOR, Family, family_of
from rnntext.settings.base import MIN_MEMBERS, as_texts
from rnntext.storage import models
from rnntext.storage.checkpoint import Checkpoint, load_version
from rnntext.storage.checkpoint import load as load_checkpoint
from rnntext.storage.models import full_name, in_service, versions
from rnntext.words import counted

if TYPE_CHECKING:
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.forecasting import ForecastModel
    from rnntext.jobs.translation import TranslationModel


Version = str | int | None  # the name of a version, leading zeros or not; None: the one in service
PathOrPaths = str | PathLike[str] | Sequence[str | PathLike[str]]


def find(name: str, family: Family, version: Version = None, ensemble: int | None = None) -> Path:
    """The folder of a model that a command names, to be loaded.

    Args:
        name: of the model, or its path.
        family: the kind that the command is for.
        version: that is to be loaded.
        ensemble: number of the newest versions that are to be loaded.

    Raises:
        UsageError: there is nothing to load.
        CheckpointError: there is nothing but a damaged unfinished training.
    """
    path = models.folder(name)
    if in_service(path) or (versions(path) and (version, ensemble) != (None, None)):
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
    path: PathOrPaths, threads: int = 1, version: Version = None, ensemble: int | None = None
) -> CharacterModel | TranslationModel | ForecastModel:
    """The version in service of a model, of whatever kind, or another version, or an ensemble.

    >>> import rnntext
    >>> rnntext.load("checkpoints/charlm").generate_many("abc", count=1, length=5)
    ['defgh']

    An ensemble is one model with the mean of its members' probabilities. These are several models, or the newest
    versions of one; they have the same symbols, and may differ in all else.

    >>> rnntext.load(["checkpoints/charlm", "checkpoints/charlm"]).generate_many("abc", count=1, length=5)
    ['defgh']

    Args:
        path: the model's folder, or those of several models, which make an ensemble.
        threads: that a matrix product may use; more than one helps only on a machine with nothing else to do.
        version: its name, leading zeros or not; None: the one in service.
        ensemble: number of the newest versions, in service or not, that make an ensemble.

    Raises:
        CheckpointError: there is no checkpoint in the folder, or it is damaged.
        UsageError: this version of rnntext does not know the kind of model, there are no such versions, or the models
            make no ensemble.
    """
    model = _built(_loaded(path, version, ensemble), threads)
    return model.loaded_by(load, path, threads, version, ensemble)  # type: ignore[no-any-return]


def load_characters(
    path: PathOrPaths,
    threads: int | None = 1,
    version: Version = None,
    ensemble: int | None = None,
    engine: str = "numpy",
) -> CharacterModel:
    """A version of a character model, or an ensemble; see `load`.

    Args:
        threads: None: while one text is drawn, the number that is found to be the fastest; elsewhere 1.
        engine: "numpy" or "onnxruntime".

    Raises:
        UsageError: it is another kind of model, or one that the engine cannot run.
    """
    model = _built(_loaded(path, version, ensemble, CHARLM), threads, engine)
    return model.loaded_by(load_characters, path, threads, version, ensemble, engine)  # type: ignore[no-any-return]


def load_translation(
    path: PathOrPaths,
    threads: int = 1,
    engine: str = "numpy",
    jobs: int = 1,
    version: Version = None,
    ensemble: int | None = None,
) -> TranslationModel:
    """A version of a translation model, or an ensemble; see `load`.

    From then on the process keeps the memory that it frees, and all objects that exist are exempt from garbage
    collection: this function is for processes that do nothing but translate.

    Args:
        engine: "numpy" or "ctranslate2".
        jobs: number of translations that CTranslate2 computes at the same time.

    Raises:
        UsageError: it is another kind of model, or one that the engine cannot run.
    """
    from rnntext.system import keep_freed_memory

    keep_freed_memory()
    checkpoints = _loaded(path, version, ensemble, TRANSLATOR)
    if len(checkpoints) > 1 and engine == "ctranslate2":
        raise UsageError("--engine ctranslate2: runs one model; an ensemble needs --engine numpy")
    model = _built(checkpoints, threads, engine, jobs)
    gc.freeze()  # The model stays, so Python need not search it for garbage again and again.
    return model.loaded_by(load_translation, path, threads, engine, jobs, version, ensemble)  # type: ignore[no-any-return]


def load_forecaster(
    path: PathOrPaths, threads: int = 1, version: Version = None, floor: float | None = None
) -> ForecastModel:
    """A version of a forecaster; see `load`.

    Args:
        floor: no forecast is below it; None: that of the training, if it has one.

    Raises:
        UsageError: it is another kind of model.
    """
    model = _built(_loaded(path, version, None, FORECASTER), threads, floor)
    return model.loaded_by(load_forecaster, path, threads, version, floor)  # type: ignore[no-any-return]


def _built(checkpoints: list[Checkpoint], *arguments: Any) -> Any:
    """The model in service of a version, or an ensemble of those of several versions of the same kind.

    Args:
        arguments: of each model.
    """
    build = FAMILIES[checkpoints[0].kind].implementation()
    members = [build(checkpoint, *arguments) for checkpoint in checkpoints]
    if len(members) == 1:
        return members[0]
    from rnntext.jobs.ensembles import ensemble_of

    return ensemble_of(members)


def _loaded(
    path: PathOrPaths, version: Version, ensemble: int | None, family: Family | None = None
) -> list[Checkpoint]:
    """A version, or those of an ensemble, checked.

    Args:
        family: the kind that they must be of; None: any kind that this version of rnntext knows.
    """
    checkpoints = []
    for root, chosen in _chosen(list(map(Path, as_texts("path", path))), version, ensemble):
        if chosen is not None:
            checkpoint = load_version(root / "versions" / full_name(root, chosen))
        elif in_service(root):
            checkpoint = load_checkpoint(root)
        else:
            raise CheckpointError(absence(root))
        known = family_of(checkpoint.kind, checkpoint.path)
        if family is not None and family is not known:
            raise UsageError(f"{checkpoint.path}: this is a {checkpoint.kind} model; {family.title} is needed here")
        checkpoints.append(checkpoint)
    first, *others = checkpoints
    for checkpoint in others:
        if checkpoint.kind != first.kind:
            kinds = f"a {first.kind} model and a {checkpoint.kind} model"
            raise UsageError(f"{first.path} and {checkpoint.path} make no ensemble: they are {kinds}")
    if others and first.kind == FORECASTER.kind:
        raise UsageError(f"{first.path}: this is a forecaster; only models of text make an ensemble")
    return checkpoints


def _chosen(roots: list[Path], version: Version, ensemble: int | None) -> list[tuple[Path, Version]]:
    """The folder and the version of each model that is to be loaded, the newest version first.

    Raises:
        UsageError: the choices contradict one another, or there are too few versions.
        CheckpointError: there is none at all.
    """
    # 1. Check that versions are chosen of one model alone.
    if not roots:
        raise UsageError("--model: name at least one")
    for name, value in (("--version", version), ("--ensemble", ensemble)):
        if value is not None and len(roots) > 1:
            raise UsageError(f"{name} {value}: goes with one model; {len(roots)} are given")
    if ensemble is None:
        return [(root, version) for root in roots]
    # 2. Take the newest versions.
    if version is not None:
        raise UsageError(f"--ensemble {ensemble}: takes the newest versions; leave out --version {version}")
    if ensemble < MIN_MEMBERS:
        raise UsageError(f"--ensemble {ensemble}: must be at least {MIN_MEMBERS}")
    root = roots[0]
    known = versions(root)
    if not known:
        raise CheckpointError(absence(root))
    if len(known) < ensemble:
        raise UsageError(f"--ensemble {ensemble}: {root} has only {counted(len(known), 'version')}: {', '.join(known)}")
    return [(root, name) for name in reversed(known[-ensemble:])]
