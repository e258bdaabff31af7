"""Training a character model: from text to a version in service."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from rnntext.config import PROMOTIONS, CharlmConfig, TrainingConfig, check_choice
from rnntext.errors import CheckpointError, DataError, DivergedError, NewerCheckpointError, StoppedError, UsageError
from rnntext.files.atomic import append_line, remove_folder, remove_leftovers
from rnntext.files.lock import locked
from rnntext.jobs import unfinished
from rnntext.jobs.load import CharacterModel
from rnntext.jobs.signals import stop_on_signal
from rnntext.jobs.unfinished import STATE, Snapshot
from rnntext.storage import checkpoint
from rnntext.storage.checkpoint import to_json
from rnntext.text.catalogue import read_source
from rnntext.text.lines import ENCODING_ERRORS, read_text
from rnntext.text.normalize import normalize
from rnntext.train import tensorflow
from rnntext.train.observer import Observer, Observers, Progress

METRIC = "bits_per_character"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a training ended. `champion` is the score of the version that was in service before, on the same held-out
    text, or None; scores are held-out bits per character."""

    version: str
    promoted: bool
    score: float
    champion: float | None
    steps: int
    seconds: float
    parameters: int

    def to_json(self) -> dict[str, Any]:
        """Everything, for --json."""
        return dataclasses.asdict(self)

    def sentence(self, path: str) -> str:
        """What a person wants to know."""
        score = f"version {self.version}: {self.score:.4f} held-out bits/char after {self.steps} steps"
        if self.promoted:
            return f"{path}: {score}; now in service"
        if self.champion is None:
            return f"{path}: {score}; not put into service"
        why = (
            f"the version in service is better ({self.champion:.4f})"
            if self.champion
            else "the version in service folds case differently"
        )
        return f"{path}: {score}; not put into service: {why}; --promote always would"


def train_charlm(
    sources: Sequence[str],
    path: str | PathLike[str],
    model: CharlmConfig | None = None,
    training: TrainingConfig | None = None,
    *,
    validation: str = "0.1",
    encoding_errors: str = "strict",
    promote: str = "better",
    fresh: bool = False,
    observer: Observer | None = None,
) -> Outcome:
    """Trains a character model, or goes on with its unfinished training, and puts it into service.

    Args:
        sources: files, `-` for stdin, or names of corpora.
        path: the model's folder.
        model, training: shape and budget.
        validation: the held-out text: a fraction, taken from the end, or a file.
        encoding_errors: "strict" or "replace".
        promote: when the new version goes into service: "better" (not worse than the one there), "always", "never".
        fresh: drops an unfinished training.
        observer: is told what happens.

    Raises:
        DataError: the text is empty, too short, or not UTF-8.
        StoppedError: a signal came; the state is saved, and the same call goes on.
        DivergedError: the loss is not finite or grows; the version in service stays.
        BusyError: another process trains this model.
        UsageError: TensorFlow is missing, or an unfinished training began with other options.
    """
    began = time.monotonic()
    path = Path(path)
    check_choice("promote", promote, PROMOTIONS)
    check_choice("encoding_errors", encoding_errors, ENCODING_ERRORS)
    model, training = model or CharlmConfig(), _with_budget(training or TrainingConfig())
    observer = observer or Observer()
    with locked(path / "lock"):
        _clean(path)
        _champion(path)  # what cannot be compared with is noticed before the training, not after it
        snapshot = None if fresh else unfinished.read(path / "run")
        if snapshot is None:
            snapshot = _begin(sources, model, training, validation, encoding_errors)
            remove_folder(path / "run")  # only now: a mistake in the command must not cost an unfinished training
            unfinished.write(path / "run", snapshot)
        else:
            unfinished.check_same(snapshot, model, training, sources, validation)
            tensorflow.start(training.seed)
        try:
            trained = _train(snapshot, path, observer, began)
        except DivergedError:
            remove_folder(path / "run")  # going on would only diverge again
            raise
        return _finish(snapshot, path, promote, trained)


def _with_budget(training: TrainingConfig) -> TrainingConfig:
    """Without any budget, ten minutes."""
    if (training.epochs, training.steps, training.time_limit) == (None, None, None):
        return dataclasses.replace(training, time_limit=600.0)
    return training


def _clean(path: Path) -> None:
    """Removes what killed jobs left behind; the caller holds the lock."""
    for folder in (path, path / "versions", path / "run"):
        remove_leftovers(folder)


# Beginning ------------------------------------------------------------------------------------------------------------


def _begin(
    sources: Sequence[str], model: CharlmConfig, training: TrainingConfig, validation: str, errors: str
) -> Snapshot:
    text, held_out = _texts(sources, validation, errors, model.lowercase)
    if len(text) <= training.window:
        raise DataError(
            f"{_named(sources)}: {len(text)} characters to train on are too few for --window {training.window}; "
            "give more text"
        )
    if not held_out:
        where = _named(sources) if _fraction(validation) else validation
        raise DataError(f"{where}: no held-out text; give more text, or another file with --validation FILE")
    tensorflow.start(training.seed)
    from rnntext.train.pipelines import learn_characters, vectorize

    vocabulary = learn_characters(text, training.vocabulary_size)
    digest = hashlib.sha256(text.encode() + b"\0" + held_out.encode()).hexdigest()
    return Snapshot(
        model, training, list(sources), validation, vocabulary, vectorize(text, vocabulary), held_out, digest
    )


def _texts(sources: Sequence[str], validation: str, errors: str, lowercase: bool) -> tuple[str, str]:
    """Training text and held-out text, normalised."""
    parts = [read_source(source, errors) for source in sources]
    text = normalize("\n".join(p.removesuffix("\n") for p in parts) + "\n" if len(parts) > 1 else parts[0], lowercase)
    if not text:
        raise DataError(f"{_named(sources)}: empty; there is nothing to train on")
    fraction = _fraction(validation)
    if fraction is None:
        return text, normalize(read_text(validation, errors), lowercase)
    cut = int(len(text) * (1.0 - fraction))
    return text[:cut], text[cut:]


def _fraction(validation: str) -> float | None:
    """The fraction that `--validation` gives, or None if it is a file."""
    try:
        fraction = float(validation)
    except ValueError:
        return None
    if not 0.0 < fraction < 1.0:
        raise UsageError(f"--validation {validation}: must be a fraction between 0 and 1, or a file")
    return fraction


def _named(sources: Sequence[str]) -> str:
    return ", ".join("<stdin>" if source == "-" else source for source in sources)


# Training -------------------------------------------------------------------------------------------------------------


class _History(Observer):
    """Writes every evaluation to history.jsonl."""

    def __init__(self, path: Path, corpus: str) -> None:
        self.path, self.corpus = path, corpus

    def evaluation(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        entry = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "corpus": self.corpus,
            **dataclasses.asdict(progress),
            **metrics,
            "best": best,
        }
        append_line(self.path, json.dumps(entry))


@dataclasses.dataclass(frozen=True)
class _Trained:
    """The best weights of a run, and how it came to them."""

    arrays: dict[str, np.ndarray]
    metrics: dict[str, float]
    step: int
    steps: int
    seconds: float
    parameters: int


def _train(snapshot: Snapshot, path: Path, observer: Observer, began: float) -> _Trained:
    from rnntext.train.charlm_task import CharlmTask
    from rnntext.train.loop import Loop

    task = CharlmTask(snapshot.model, snapshot.training, snapshot.vocabulary, snapshot.ids, snapshot.held_out)
    watchers = Observers([_History(path / "history.jsonl", snapshot.corpus), observer])
    loop = Loop(task, snapshot.training, path / "run" / STATE, watchers, began)
    with stop_on_signal() as request:
        finished = loop.run(request)
    position = loop.position
    if not finished:
        raise StoppedError(
            f"stopped and saved at step {position.step}; the same command goes on from there", request.number or 0
        )
    arrays = task.model.arrays(loop.best)
    parameters = sum(array.size for array in arrays.values())
    return _Trained(arrays, position.best or {}, position.best_step, position.step, loop.seconds(), parameters)


# Putting into service -------------------------------------------------------------------------------------------------


def _finish(snapshot: Snapshot, path: Path, promote: str, trained: _Trained) -> Outcome:
    score = trained.metrics[METRIC]
    champion = _champion_score(path, snapshot) if promote == "better" else None
    files = {
        "config.json": to_json({"model": snapshot.model.to_json(), "training": snapshot.training.to_json()}),
        "vocabulary.json": to_json(snapshot.vocabulary.characters),
        "metrics.json": to_json(
            {**trained.metrics, "step": trained.step, "steps": trained.steps, "seconds": trained.seconds}
        ),
    }
    about = {
        "run": snapshot.run,
        "corpus": snapshot.corpus,
        "characters": len(snapshot.ids),
        "held_out": len(snapshot.held_out),
    }
    version = _written(path, snapshot.run) or checkpoint.write_version(path, "charlm", files, trained.arrays, about)
    promoted = promote == "always" or (promote == "better" and (champion is None or score <= champion))
    if promoted:
        checkpoint.promote(path, version)
    remove_folder(path / "run")
    return Outcome(version, promoted, score, champion, trained.steps, trained.seconds, trained.parameters)


def _written(path: Path, run: str) -> str | None:
    """The newest version, if this very run wrote it and was killed before it could say so."""
    for newest in checkpoint.versions(path)[-1:]:
        try:
            found = checkpoint.load_version(path / "versions" / newest)
        except CheckpointError:
            return None
        return newest if found.manifest.get("run") == run else None
    return None


def _champion(path: Path) -> CharacterModel | None:
    """The version in service; None if there is none, or a damaged one: anything that works is better.

    Raises:
        NewerCheckpointError, UsageError: a newer rnntext wrote it, or it is another kind of model.
    """
    if not checkpoint.in_service(path):
        return None
    try:
        return CharacterModel(checkpoint.load(path))
    except NewerCheckpointError:
        raise
    except CheckpointError:
        return None


def _champion_score(path: Path, snapshot: Snapshot) -> float | None:
    """Bits per character of the version in service on the same held-out text; None if there is no usable one.

    A champion that folds case differently reads another text: it counts as perfect, so that only
    `--promote always` replaces it.
    """
    champion = _champion(path)
    if champion is None:
        return None
    if champion.engine.config.lowercase != snapshot.model.lowercase:
        return 0.0
    bits, characters = champion.score(snapshot.held_out)
    return bits / characters
