"""Training a character model: from text to a version in service."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnntext import sizes
from rnntext.config import CharlmConfig, CharlmTraining, JobConfig, check_choice
from rnntext.errors import DataError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.choice import Chosen, asked, budget, check_size, filled, left_open, sentence
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Data, IncomparableError
from rnntext.jobs.training import fraction, train, with_budget
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run.charlm import shapes
from rnntext.storage.checkpoint import Checkpoint, parse_json, to_json
from rnntext.text import overlap
from rnntext.text.catalogue import read_source
from rnntext.text.lines import ENCODING_ERRORS, read_text
from rnntext.text.normalize import normalize
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary
from rnntext.train import warm
from rnntext.train.observer import Observer

if TYPE_CHECKING:
    from rnntext.train.loop import Task

METRIC = "bits_per_character"


def train_charlm(
    sources: Sequence[str],
    path: str | PathLike[str],
    model: CharlmConfig | None = None,
    training: CharlmTraining | None = None,
    *,
    size: str = "auto",
    given: Collection[str] | None = None,
    validation: str = "0.1",
    encoding_errors: str = "strict",
    job: JobConfig | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Trains a character model, or goes on with its unfinished training, and puts it into service.

    Args:
        sources: files, `-` for stdin, or names of corpora.
        path: the model's folder.
        model, training: shape and budget.
        size: "tiny", "small", "base", "large", or "auto": what is chosen for the fields that are left open
            (`rnntext.sizes`).
        given: names of fields of `model` and `training` that are not left open; None: all of those that are passed.
        validation: the held-out text: a fraction, taken from the end, or a file.
        encoding_errors: "strict" or "replace".
        job, observer: see `jobs.training.train`, which also says what is raised.
    """
    check_choice("encoding_errors", encoding_errors, ENCODING_ERRORS)
    check_choice("size", size, ("auto", *sizes.SIZES))
    recipe = CharlmRecipe(
        list(sources),
        model or CharlmConfig(),
        with_budget(training or CharlmTraining()),
        validation,
        encoding_errors,
        size,
        left_open(given, sizes.CHARLM_OPEN, model, training),
        (observer or Observer()).note,
    )
    return train(recipe, Path(path), job, observer)


class CharlmRecipe:
    """See `jobs.training.Recipe`."""

    kind, metric, label, higher = "charlm", METRIC, "bits/char", False

    def __init__(
        self,
        sources: list[str],
        model: CharlmConfig,
        training: CharlmTraining,
        validation: str,
        errors: str,
        size: str = "auto",
        free: frozenset[str] = frozenset(),
        report: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.sources, self.model, self.training = sources, model, training
        self.validation, self.errors = validation, errors
        self.size, self.free, self.report = size, free, report
        data = {"validation": validation, "sources": sources, "size": size}
        self.options: Options = {"model": asked(model, free), "training": asked(training, free), "data": data}

    def read(self) -> Data:
        """See Recipe."""
        scored = sizes.scored_characters(self.training.time_limit)
        text, held_out = _texts(self.sources, self.validation, self.errors, self.model.lowercase, scored)
        window = self.training.window
        if len(text) <= window:
            raise DataError(
                f"{_named(self.sources)}: {len(text)} characters to train on are too few for --window {window}; "
                "give more text"
            )
        if not held_out:
            where = _named(self.sources) if fraction(self.validation) else self.validation
            raise DataError(f"{where}: no held-out text; give more text, or another file with --validation FILE")
        digest = hashlib.sha256(text.encode())  # long texts are not put together: memory
        digest.update(b"\0" + held_out.encode())
        return Data(digest.hexdigest(), overlap.of_text(text, overlap.MOST), (text, held_out))

    def choose(self, data: Data, parent: Checkpoint | None) -> Chosen:
        """See Recipe."""
        if not self.free:
            return {}
        from rnntext.train.precision import choose as precision

        text, _ = data.content
        characters = len(set(text)) + 1

        def shape(fields: sizes.Fields) -> CharlmConfig:
            return filled(self.model, fields, self.free)

        def weights(fields: sizes.Fields) -> float:
            arrays = shapes(shape(fields), characters)
            return float(sum(math.prod(shape) for name, shape in arrays.items() if name != "embedding"))

        spent = budget(len(text), self.training, precision)
        if parent is not None:
            fields = parent.json("config.json")["model"]
            if self.size != "auto":
                check_size(sizes.CHARLM[self.size].fields, fields, self.free)
            size = f"of version {parent.version}"
        else:
            size = sizes.choose_size(self.size, sizes.CHARLM, weights, spent)
            fields = sizes.CHARLM[size].fields
        seen = spent.affords(weights(fields))
        values: dict[str, Any] = {
            **fields,
            **sizes.by_passes(sizes.CHARLM_PASSES, seen / len(text)),
            "learning_rate": sizes.LEARNING_RATE if parent is None else sizes.WARM_LEARNING_RATE,
            "batch_size": sizes.batch(sizes.STREAMS, self.training.window, seen),
        }
        chosen = {"size": size, **{name: values[name] for name in values if name in self.free}}
        self.report(sentence(chosen, spent, "characters", seen))
        return chosen

    def settled(self, chosen: Chosen) -> CharlmRecipe:
        """See Recipe."""
        recipe = copy.copy(self)
        recipe.model = filled(self.model, chosen, self.free)
        recipe.training = filled(self.training, chosen, self.free)
        return recipe

    def begin(self, data: Data, parent: Checkpoint | None) -> Snapshot:
        """See Recipe."""
        text, held_out = data.content
        from rnntext.train.pipelines import learn_characters, vectorize

        vocabulary = learn_characters(text, self.training.vocabulary_size)
        start: dict[str, np.ndarray] = {}
        if parent is not None:
            vocabulary, start = self._grown(parent, vocabulary)
        files = {"vocabulary.json": to_json(vocabulary.characters), "held_out.txt": held_out.encode()}
        return Snapshot(self.kind, self.options, files, {"ids": vectorize(text, vocabulary), **start}, data.digest)

    def _grown(self, parent: Checkpoint, learnt: CharVocabulary) -> tuple[CharVocabulary, dict[str, np.ndarray]]:
        """The parent's vocabulary with new characters, and its weights for a snapshot."""
        old = CharVocabulary(parent.json("vocabulary.json"))
        grown = CharVocabulary(warm.grow(old.characters, learnt.characters, self.training.vocabulary_size))
        ids = warm.old_ids(grown.characters, old.characters, UNKNOWN + 1)
        names = ("embedding", "logits.kernel", "logits.bias")
        weights = parent.arrays(shapes(self.model, len(old)))
        return grown, warm.to_arrays(weights, dict.fromkeys(names, ids), UNKNOWN)

    def task(self, snapshot: Snapshot) -> Task:
        """See Recipe."""
        from rnntext.train.charlm_task import CharlmTask

        vocabulary = CharVocabulary(parse_json(snapshot.files["vocabulary.json"], Path("vocabulary.json")))
        return CharlmTask(self.model, self.training, vocabulary, snapshot.arrays["ids"], _held_out(snapshot))

    def files(self, snapshot: Snapshot) -> dict[str, bytes]:
        """See Recipe."""
        return {"vocabulary.json": snapshot.files["vocabulary.json"]}

    def about(self, snapshot: Snapshot) -> dict[str, Any]:
        """See Recipe."""
        return {"characters": len(snapshot.arrays["ids"]), "held_out": len(_held_out(snapshot))}

    def held_out(self, snapshot: Snapshot) -> overlap.Hashes:
        """See Recipe."""
        return overlap.of_text(_held_out(snapshot))

    def check_comparable(self, champion: Checkpoint) -> None:
        """See Recipe."""
        if CharacterModel(champion).engine.config.lowercase != self.model.lowercase:
            raise IncomparableError("the version in service folds case differently")

    def score(self, champion: Checkpoint, snapshot: Snapshot) -> float:
        """See Recipe."""
        bits, characters = CharacterModel(champion).score(_held_out(snapshot))
        return bits / characters


def _held_out(snapshot: Snapshot) -> str:
    return snapshot.files["held_out.txt"].decode()


def _texts(sources: Sequence[str], validation: str, errors: str, lowercase: bool, scored: int) -> tuple[str, str]:
    """Training text and held-out text, normalised; of what a fraction holds out, at most the last `scored`
    characters are returned, and nobody learns from the others."""
    parts = [read_source(source, errors) for source in sources]
    text = normalize("\n".join(p.removesuffix("\n") for p in parts) + "\n" if len(parts) > 1 else parts[0], lowercase)
    if not text:
        raise DataError(f"{_named(sources)}: empty; there is nothing to train on")
    share = fraction(validation)
    if share is None:
        return text, normalize(read_text(validation, errors), lowercase)
    cut = int(len(text) * (1.0 - share))
    return text[:cut], text[max(cut, len(text) - scored) :]


def _named(sources: Sequence[str]) -> str:
    return ", ".join("<stdin>" if source == "-" else source for source in sources)
