"""Training a translation model: from pairs of sentences to a version in service."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import importlib.util
import json
import math
from collections.abc import Callable, Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnntext import sizes
from rnntext.config import (
    ARCHITECTURES,
    JobConfig,
    SearchConfig,
    TransformerConfig,
    TranslatorConfig,
    TranslatorTraining,
    check_choice,
)
from rnntext.errors import DataError, UsageError
from rnntext.jobs.choice import Chosen, asked, budget, check_size, filled, left_open, sentence
from rnntext.jobs.promotion import Outcome
from rnntext.jobs.recipe import Data, IncomparableError
from rnntext.jobs.training import fraction, train, with_budget
from rnntext.jobs.translation import TranslationModel
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run import translators
from rnntext.storage.checkpoint import Checkpoint, parse_json, to_json
from rnntext.text import overlap, tokens
from rnntext.text.bitext import Bitext, Pair, hold_out, read_aligned, read_pairs
from rnntext.text.bleu import bleu
from rnntext.text.lines import ENCODING_ERRORS
from rnntext.text.tokens import Language
from rnntext.train import warm
from rnntext.train.observer import Observer

if TYPE_CHECKING:
    from rnntext.train.loop import Task

METRIC = "bleu"
Report = Callable[[str], None]
Languages = tuple[Language, Language]


def train_translate(
    pairs: str | tuple[str, str],
    path: str | PathLike[str],
    model: TranslatorConfig | None = None,
    training: TranslatorTraining | None = None,
    *,
    size: str = "auto",
    given: Collection[str] | None = None,
    validation: str | tuple[str, str] = "0.1",
    reverse: bool = False,
    encoding_errors: str = "strict",
    relearn_tokens: bool = False,
    job: JobConfig | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Trains a translation model, or goes on with its unfinished training, and puts it into service.

    Args:
        pairs: a file of `source TAB target` lines, or two files of which line n of one translates line n of the other.
        path: the model's folder.
        model, training: shape and budget.
        size: "tiny", "small", "base", "large", or "auto": what is chosen for the fields that are left open
            (`rnntext.sizes`).
        given: names of fields of `model` and `training` that are not left open, "architecture" among them; None: all
            of those that are passed.
        validation: the held-out pairs: a fraction, or one file or two.
        reverse: swaps source and target, of the held-out pairs, too.
        encoding_errors: "strict" or "replace".
        relearn_tokens: with a warm start, learns tokens anew instead of keeping and adding to those of the version in
            service; tokens that are the same keep their weights.
        job, observer: see `jobs.training.train`, which also says what is raised.
    """
    check_choice("encoding_errors", encoding_errors, ENCODING_ERRORS)
    check_choice("size", size, ("auto", *sizes.SIZES))
    free = left_open(given, sizes.TRANSLATOR_OPEN, model, training)
    if model is not None and given is None:
        free -= {"architecture"}
    if model is not None and "architecture" not in free:
        free &= {field.name for config in (model, TranslatorTraining()) for field in dataclasses.fields(config)}
    recipe = TranslatorRecipe(
        pairs,
        model or TransformerConfig(),
        with_budget(training or TranslatorTraining()),
        validation,
        reverse,
        encoding_errors,
        relearn_tokens,
        (observer or Observer()).note,
        size,
        free,
    )
    return train(recipe, Path(path), job, observer)


class TranslatorRecipe:
    """See `jobs.training.Recipe`."""

    kind, metric, label, higher = "translator", METRIC, "BLEU", True

    def __init__(
        self,
        pairs: str | tuple[str, str],
        model: TranslatorConfig,
        training: TranslatorTraining,
        validation: str | tuple[str, str],
        reverse: bool,
        errors: str,
        relearn_tokens: bool,
        report: Report,
        size: str = "auto",
        free: frozenset[str] = frozenset(),
    ) -> None:
        if [*_listed(pairs), *_listed(validation)].count("-") > 1:
            raise UsageError("-: standard input can be read only once")
        self.pairs, self.model, self.training = pairs, model, training
        self.validation, self.reverse, self.errors, self.report = validation, reverse, errors, report
        self.relearn_tokens, self.size, self.free = relearn_tokens, size, free
        data = {"validation": _listed(validation), "reverse": reverse, "sources": _listed(pairs)}
        data |= {"relearn_tokens": relearn_tokens, "size": size}
        self.options: Options = {
            "model": {"architecture": None if "architecture" in free else model.architecture, **asked(model, free)},
            "training": asked(training, free),
            "data": data,
        }

    # Beginning --------------------------------------------------------------------------------------------------------

    def read(self) -> Data:
        """See Recipe."""
        if importlib.util.find_spec("sacrebleu") is None:
            raise UsageError("training needs sacreBLEU, which is not installed: pip install 'rnntext[train]'")
        pairs, held_out = self._split()
        digest = hashlib.sha256(_pairs_to_bytes(pairs) + b"\0" + _pairs_to_bytes(held_out)).hexdigest()
        return Data(digest, overlap.of_sentences((s for s, _ in pairs), overlap.MOST), (pairs, held_out))

    def choose(self, data: Data, parent: Checkpoint | None) -> Chosen:
        """See Recipe."""
        if not self.free:
            return {}
        from rnntext.train.precision import choose as precision

        pairs, _ = data.content
        tokens = sum(len(target) for _, target in pairs) / sizes.CHARACTERS[self.model.tokens] + len(pairs)
        architecture = "auto" if "architecture" in self.free else self.model.architecture
        rows, largest = sizes.TRANSLATORS[architecture], sizes.ENOUGH[architecture]

        def weights(fields: sizes.Fields) -> float:
            vocabulary_size = filled(self.training, fields, self.free).vocabulary_size
            try:
                arrays = translators.shapes(self._shaped(fields), vocabulary_size, vocabulary_size)
            except UsageError:  # what is given does not go with this size
                return math.inf
            return float(sum(math.prod(array) for array in arrays.values()))

        spent = budget(tokens, self.training, precision)
        if parent is not None:
            stored = parent.json("config.json")
            fields = {**self.training.to_json(), **stored.get("training", {}), **stored["model"]}
            if self.size != "auto":
                check_size(rows[self.size].fields, fields, self.free)
            size = f"of version {parent.version}"
        else:
            size = sizes.choose_size(self.size, rows, weights, spent, largest)
            fields = dict(rows[size].fields)
        seen = spent.affords(weights(fields))
        values = {
            **fields,
            **sizes.by_passes(sizes.TRANSLATOR_PASSES, seen / tokens),
            "learning_rate": sizes.LEARNING_RATE if parent is None else sizes.WARM_LEARNING_RATE,
            "batch_tokens": sizes.batch(sizes.BATCH_TOKENS, sizes.FILLED * self.training.accumulate, seen),
        }
        if self.model.tokens != "subword":
            values["subword_sampling"] = 0.0
        chosen = {"size": size, **{name: values[name] for name in values if name in self.free}}
        self.report(sentence(chosen, spent, "target tokens, about", seen))
        return chosen

    def _shaped(self, values: sizes.Fields) -> TranslatorConfig:
        """The model's config with these values in its free fields; its architecture may be one of them."""
        cls = ARCHITECTURES[values["architecture"]] if "architecture" in self.free else type(self.model)
        names = {field.name for field in dataclasses.fields(cls)}
        kept = {name: value for name, value in self.model.to_json().items() if name not in self.free}
        chosen = {name: value for name, value in values.items() if name in self.free}
        return cls(**{name: value for name, value in {**kept, **chosen}.items() if name in names})

    def settled(self, chosen: Chosen) -> TranslatorRecipe:
        """See Recipe."""
        recipe = copy.copy(self)
        recipe.model = self._shaped(chosen)
        recipe.training = filled(self.training, chosen, self.free)
        return recipe

    def begin(self, data: Data, parent: Checkpoint | None) -> Snapshot:
        """See Recipe."""
        pairs, held_out = data.content
        from rnntext.train.pipelines import vectorize_sentences

        (source, target), start = self._tokens(pairs, parent)
        sides = [vectorize_sentences([pair[n] for pair in pairs], side) for n, side in enumerate((source, target))]
        kept = self._usable(sides[0].lengths, sides[1].lengths)
        sizes = np.array([(len(source.encode(a)), len(target.encode(b))) for a, b in held_out])
        held_kept = self._usable(sizes[:, 0], sizes[:, 1])
        if not len(kept) or not len(held_kept):
            raise DataError(
                f"every pair has a side of no token or of more than {self.training.longest}; raise --longest"
            )
        if left_out := len(pairs) + len(held_out) - len(kept) - len(held_kept):
            self.report(f"left out: {_pairs(left_out)} with no token or more than {self.training.longest} on a side")
        held_out = [held_out[i] for i in held_kept]
        arrays: dict[str, np.ndarray] = {}
        for name, side in zip(("source", "target"), sides, strict=True):
            chosen = side.take(kept)
            arrays |= {f"{name}.ids": chosen.ids, f"{name}.lengths": chosen.lengths}
        files = {**_files(source, target), "held_out.json": _pairs_to_bytes(held_out)}
        self.report(f"{_pairs(len(kept))} to learn from, {len(held_out)} held out")
        return Snapshot(self.kind, self.options, files, {**arrays, **start}, data.digest)

    def _tokens(self, pairs: list[Pair], parent: Checkpoint | None) -> tuple[Languages, dict[str, np.ndarray]]:
        """Both languages and, with a parent, its weights for a snapshot."""
        from rnntext.train.pipelines import learn_languages

        old = TranslationModel(parent) if parent else None
        if old is not None and self.model.tokens == "subword" and not self.relearn_tokens:
            return (old.source, old.target), self._start(old, (old.source, old.target))
        learnt = learn_languages(pairs, self.model, self.training)
        self._tell_size(*learnt)
        if old is None:
            return learnt, {}
        new = learnt if self.relearn_tokens else self._grown((old.source, old.target), learnt)
        return new, self._start(old, new)

    def _grown(self, old: Languages, learnt: Languages) -> Languages:
        most = self.training.vocabulary_size
        source, target = (
            Language(before.tokenizer, warm.grow(before.tokens, now.tokens, most))
            for before, now in zip(old, learnt, strict=True)
        )
        return (source, source) if old[0] is old[1] else (source, target)

    def _start(self, old: TranslationModel, new: Languages) -> dict[str, np.ndarray]:
        """The weights of the version in service, and which row of its vocabularies is which of the new ones."""
        weights = old.checkpoint.arrays(translators.shapes(old.config, len(old.source), len(old.target)))
        source, target = (
            warm.old_ids(now.tokens, before.tokens, tokens.RESERVED)
            for now, before in zip(new, (old.source, old.target), strict=True)
        )
        sides = {"source.embedding": source, "target.embedding": target, "logits.kernel": target, "logits.bias": target}
        ids = {name: side for name, side in sides.items() if name in weights}
        return warm.to_arrays(weights, ids, tokens.UNKNOWN)

    def _usable(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Numbers of the pairs with these numbers of tokens, `[pairs]` each, that a model can learn from."""
        shorter, longer = np.minimum(source, target), np.maximum(source, target)
        return np.flatnonzero((shorter > 0) & (longer <= self.training.longest))

    def _split(self) -> tuple[list[Pair], list[Pair]]:
        """Training pairs and held-out pairs."""
        found = self._read(self.pairs)
        share = fraction(self.validation) if isinstance(self.validation, str) else None
        where = " and ".join(_listed(self.pairs))
        if share is None:
            pairs, held_out = found.pairs, self._read(self.validation).pairs
        else:
            pairs, held_out = hold_out(found.pairs, share, sizes.scored_pairs(self.training.time_limit))
        if found.empty:
            self.report(f"left out: {_pairs(found.empty)} with an empty side")
        if not pairs or not held_out:
            raise DataError(
                f"{where}: {_pairs(len(found.pairs))}, too few to hold some out; give more, or a file with --validation"
            )
        if len({target for _, target in pairs}) == 1:
            raise DataError(f"{where}: all targets are the same sentence; there is nothing to learn")
        seen = {source for source, _ in held_out}
        kept = [pair for pair in pairs if pair[0] not in seen]
        if not kept:
            raise DataError(f"{where}: every source sentence is held out, too; there is nothing left to learn from")
        if len(kept) < len(pairs):
            self.report(f"left out: {_pairs(len(pairs) - len(kept))} whose source is held out")
        return kept, held_out

    def _read(self, source: str | tuple[str, str]) -> Bitext:
        if isinstance(source, str):
            return read_pairs(source, self.errors, self.reverse, self.model.lowercase)
        return read_aligned(*source, self.errors, self.reverse, self.model.lowercase)

    def _tell_size(self, source: Language, target: Language) -> None:
        wanted = self.training.vocabulary_size
        for name, side in {"source": source, "target": target}.items():
            if self.model.tokens == "subword" and len(side.tokens) < 0.98 * wanted:
                which = "" if source is target else f"{name} "
                self.report(f"the text is too small for a {which}vocabulary of {wanted}: it has {len(side.tokens)}")
            if source is target:
                break

    # The rest ---------------------------------------------------------------------------------------------------------

    def task(self, snapshot: Snapshot) -> Task:
        """See Recipe."""
        from rnntext.train.pipelines import Sentences
        from rnntext.train.translator_task import TranslatorTask

        languages = self._languages(snapshot)
        source, target = (
            Sentences(snapshot.arrays[f"{side}.ids"], snapshot.arrays[f"{side}.lengths"])
            for side in ("source", "target")
        )
        held_out = _pairs_from_bytes(snapshot.files["held_out.json"])
        return TranslatorTask(self.model, self.training, languages, (source, target), held_out)

    def _languages(self, snapshot: Snapshot) -> Languages:
        files = {
            name: parse_json(data, Path(name)) if name.endswith(".json") else data
            for name, data in self.files(snapshot).items()
        }
        return tokens.from_files(self.model.tokens, self.model.joint, files)

    def files(self, snapshot: Snapshot) -> dict[str, bytes]:
        """See Recipe."""
        return {n: data for n, data in snapshot.files.items() if n != "held_out.json"}

    def about(self, snapshot: Snapshot) -> dict[str, Any]:
        """See Recipe."""
        held_out = _pairs_from_bytes(snapshot.files["held_out.json"])
        lengths = snapshot.arrays["source.lengths"]
        longest = int(lengths.max())
        return {"pairs": len(lengths), "held_out": len(held_out), "longest": longest, "reverse": self.reverse}

    def held_out(self, snapshot: Snapshot) -> overlap.Hashes:
        """See Recipe."""
        return overlap.of_sentences(source for source, _ in _pairs_from_bytes(snapshot.files["held_out.json"]))

    def check_comparable(self, champion: Checkpoint) -> None:
        """See Recipe."""
        if champion.manifest.get("reverse") != self.reverse:
            raise IncomparableError("the version in service translates the other way")
        if TranslationModel(champion).config.lowercase != self.model.lowercase:
            raise IncomparableError("the version in service folds case differently")

    def score(self, champion: Checkpoint, snapshot: Snapshot) -> float:
        """See Recipe."""
        model = TranslationModel(champion)
        held_out = _pairs_from_bytes(snapshot.files["held_out.json"])
        found = model.translate_all([source for source, _ in held_out], SearchConfig(beam=1), with_scores=False)
        return bleu([translation.text for translation in found], [target for _, target in held_out])


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


def _listed(files: str | Sequence[str]) -> list[str]:
    return [files] if isinstance(files, str) else list(files)


def _files(source: Language, target: Language) -> dict[str, bytes]:
    found = tokens.to_files(source, target)
    return {name: data if isinstance(data, bytes) else to_json(data) for name, data in found.items()}


def _pairs_to_bytes(pairs: Sequence[Pair]) -> bytes:
    return json.dumps([list(pair) for pair in pairs], ensure_ascii=True).encode()


def _pairs_from_bytes(data: bytes) -> list[Pair]:
    return [(source, target) for source, target in json.loads(data)]
