"""The unfinished training in a model's folder `run/`: what it began with, so that the same command goes on with it."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy

from rnntext.config import CharlmConfig, TrainingConfig
from rnntext.errors import CheckpointError, UsageError
from rnntext.files.atomic import read_bytes, write_folder
from rnntext.storage.checkpoint import parse_json, to_json
from rnntext.text.vocabulary import CharVocabulary

STATE = "state.safetensors"


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What a run trains on until its end, however its sources change meanwhile.

    `ids` is the training text `[time]`; `held_out` the held-out text, normalised; `corpus` the SHA-256 of both;
    `run` a name of this run that no other has.
    """

    model: CharlmConfig
    training: TrainingConfig
    sources: list[str]
    validation: str
    vocabulary: CharVocabulary
    ids: np.ndarray
    held_out: str
    corpus: str
    run: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))


def write(folder: Path, snapshot: Snapshot) -> None:
    """Begins an unfinished training, atomically."""
    settings = {
        "model": snapshot.model.to_json(),
        "training": snapshot.training.to_json(),
        "sources": snapshot.sources,
        "validation": snapshot.validation,
        "corpus": snapshot.corpus,
        "run": snapshot.run,
    }
    files = {
        "settings.json": to_json(settings),
        "vocabulary.json": to_json(snapshot.vocabulary.characters),
        "ids.safetensors": safetensors.numpy.save({"ids": snapshot.ids}),
        "held_out.txt": snapshot.held_out.encode(),
    }
    write_folder(folder, files, last="settings.json")


def read(folder: Path) -> Snapshot | None:
    """The unfinished training in a folder, or None."""
    if not folder.is_dir():
        return None
    try:
        return _read(folder)
    except FileNotFoundError as error:
        reason = f"{Path(error.filename).name} is missing"
    except (CheckpointError, safetensors.SafetensorError, UnicodeDecodeError, KeyError, TypeError) as error:
        reason = str(error)
    raise CheckpointError(f"{folder}: the unfinished training is damaged ({reason}); drop it with --fresh")


def _read(folder: Path) -> Snapshot:
    settings = parse_json(read_bytes(folder / "settings.json"), folder / "settings.json")
    return Snapshot(
        model=CharlmConfig.from_json(settings["model"]),
        training=TrainingConfig.from_json(settings["training"]),
        sources=settings["sources"],
        validation=settings["validation"],
        vocabulary=CharVocabulary(parse_json(read_bytes(folder / "vocabulary.json"), folder / "vocabulary.json")),
        ids=safetensors.numpy.load(read_bytes(folder / "ids.safetensors"))["ids"],
        held_out=read_bytes(folder / "held_out.txt").decode(),
        corpus=settings["corpus"],
        run=settings["run"],
    )


def check_same(
    snapshot: Snapshot, model: CharlmConfig, training: TrainingConfig, sources: Sequence[str], validation: str
) -> None:
    """Raises UsageError, naming the options, if a command differs from the one that began the training. The texts
    themselves may have changed: a run ends on what it began with."""
    before = {**snapshot.model.to_json(), **snapshot.training.to_json(), "validation": snapshot.validation}
    now = {**model.to_json(), **training.to_json(), "validation": validation}
    changed = [f"--{n.replace('_', '-')} {_shown(before[n])} -> {_shown(now[n])}" for n in now if before[n] != now[n]]
    if snapshot.sources != list(sources):
        changed.append(f"text {' '.join(snapshot.sources)} -> {' '.join(sources)}")
    if changed:
        raise UsageError(
            f"an unfinished training began with other options ({', '.join(changed)}): "
            "repeat its command to go on with it, or add --fresh to drop it"
        )


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
