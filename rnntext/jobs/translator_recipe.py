"""What is special about training a translator: its data, its sizes, its material."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rnntext import sizes
from rnntext.errors import UsageError
from rnntext.families import TRANSLATOR
from rnntext.jobs import languages, pairs
from rnntext.jobs.choice import Chosen, Inherited, SizedRecipe, asked, filled, training_budget
from rnntext.jobs.pairs import PairSource, listed
from rnntext.jobs.recipe import Data, IncomparableError, Material
from rnntext.jobs.taught_pairs import taught
from rnntext.jobs.teaching import Teaching
from rnntext.jobs.translation import TranslationModel
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run import translators
from rnntext.settings.translator import (
    ARCHITECTURES,
    TranslatorConfig,
    TranslatorTraining,
)
from rnntext.storage.json_files import to_json
from rnntext.storage.manifest import digest
from rnntext.text import overlap, training_text
from rnntext.text.columns import DEFAULT
from rnntext.text.stored_pairs import Sentences
from rnntext.text.tokenizers import Subwords
from rnntext.words import counted

if TYPE_CHECKING:
    from rnntext.train.translator_task import TranslatorTask

HELD_OUT = "held_out.json"  # file of a snapshot


class TranslatorRecipe(SizedRecipe):
    """What is special about training a translator; see `jobs.recipe.Recipe`.

    Args:
        source: of training pairs and held-out pairs.
        teaching: who teaches; None: nobody.
        subwords: that are taken instead of learnt ones; None: they are learnt.
        report: is told what is left out, and what was chosen.
    """

    family = TRANSLATOR
    model: TranslatorConfig
    training: TranslatorTraining

    def __init__(
        self,
        source: PairSource,
        model: TranslatorConfig,
        training: TranslatorTraining,
        relearn_tokens: bool,
        report: Callable[[str], None],
        size: str = "auto",
        free: frozenset[str] = frozenset(),
        teaching: Teaching | None = None,
        subwords: Subwords | None = None,
    ) -> None:
        super().__init__(model, training, size, free, report)
        self.source = source
        self.teaching = teaching or Teaching()
        self.relearn_tokens = relearn_tokens
        self.subwords = subwords
        architecture = None if "architecture" in free else model.architecture
        self.options: Options = {
            "model": {"architecture": architecture, **asked(model, free)},
            "training": asked(training, free),
            "data": {
                "validation": listed(source.validation),
                "reverse": source.reverse,
                "columns": ",".join(map(str, source.columns or DEFAULT)),
                "sources": listed(source.files),
                "relearn_tokens": relearn_tokens,
                "sentencepiece": subwords and digest(subwords.model),
                "teacher": list(self.teaching.teachers),
                "teacher_share": self.teaching.share,
                "size": size,
            },
        }

    # The beginning of a run -------------------------------------------------------------------------------------------

    def read(self, folder: Path) -> Data:
        """See Recipe."""
        if importlib.util.find_spec("sacrebleu") is None:
            raise UsageError("training needs sacreBLEU, which is not installed: pip install 'rnntext[train]'")
        lowercase = self.model.lowercase
        time_limit = self.training.time_limit
        read, held_out = self.source.split(lowercase, time_limit, self.report, folder)
        training = taught(self.teaching, read, lowercase, time_limit, self.report)
        seen = overlap.of_sentences(Sentences(training, 0), overlap.MAX_HASHES)
        return Data(pairs.digest(training, held_out), seen, (training, held_out, folder))

    def choose(self, data: Data, parent: TranslationModel | None) -> Chosen:
        """See Recipe."""
        if not self.free:
            return {}

        # 1. Choose the size.
        training, _, _ = data.content
        characters = sum(map(len, Sentences(training, 1)))
        target_tokens = characters / sizes.CHARACTERS_PER_TOKEN[self.model.tokens] + len(training)
        budget = training_budget(target_tokens, self.training)
        inherited = self._inherited(parent)
        architecture = "auto" if "architecture" in self.free else self.model.architecture
        rows = sizes.TRANSLATORS[architecture]
        max_size = sizes.MAX_SIZE[architecture]
        size, fields = self._choose_size(rows, self._parameters, budget, inherited, max_size)

        # 2. Choose how a model of this size is trained.
        affordable_tokens = budget.affordable_tokens(self._parameters(fields))
        tokens_each = sizes.TARGET_SHARE * self.training.accumulate
        batch_tokens, seen_tokens = self._exposure(
            affordable_tokens, budget, "batch_tokens", sizes.BATCH_TOKENS, tokens_each
        )
        passes = seen_tokens / target_tokens
        values = {
            **fields,
            **sizes.by_passes(sizes.TRANSLATOR_PASSES, passes),
            "learning_rate": sizes.LEARNING_RATE,
            "batch_tokens": batch_tokens,
        }
        if self.model.tokens != "subword":
            values["subword_sampling"] = 0.0
        return self._chosen(size, values, budget, "target tokens by estimate", seen_tokens)

    def _parameters(self, fields: sizes.Fields) -> float:
        """The number of parameters of a model with these fields; infinite if other options rule them out."""
        vocabulary_size = filled(self.training, fields, self.free).vocabulary_size
        try:
            shapes = translators.shapes(self.shaped(fields), vocabulary_size, vocabulary_size)
        except UsageError:
            return math.inf
        return float(sum(math.prod(shape) for shape in shapes.values()))

    def _inherited(self, parent: TranslationModel | None) -> Inherited | None:
        """The fields of a parent; what an older rnntext did not store is as in this command."""
        if parent is None:
            return None
        stored = parent.checkpoint.json("config.json")
        fields = {**self.training.to_json(), **stored.get("training", {}), **stored["model"]}
        return Inherited(parent.checkpoint.version, fields)

    def shaped(self, values: sizes.Fields) -> TranslatorConfig:
        """See SizedRecipe. The architecture may be one of the values."""
        cls: type[TranslatorConfig] = type(self.model)
        if "architecture" in self.free:
            cls = ARCHITECTURES[values["architecture"]]
        given = {name: value for name, value in self.model.to_json().items() if name not in self.free}
        chosen = {name: value for name, value in values.items() if name in self.free}
        fields = {**given, **chosen}
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in names})

    def begin(self, data: Data, parent: TranslationModel | None) -> Snapshot:
        """See Recipe."""
        # 1. Encode the pairs, in the languages of the parent or in new ones.
        training, held_out, folder = data.content
        self._tell_shared(overlap.of_sentences(source for source, _ in held_out), data.seen, parent)
        both = languages.of_run(
            training, parent, self.model, self.training, self.relearn_tokens, self.subwords, self.report
        )
        source, target, held_out = pairs.encode(training, held_out, both, self.training.longest, self.report, folder)
        self.report(f"{counted(len(source), 'pair')} to learn from, {len(held_out)} held out")

        # 2. Make the snapshot.
        arrays = {
            "source.ids": source.ids,
            "source.lengths": source.lengths,
            "target.ids": target.ids,
            "target.lengths": target.lengths,
        }
        if parent is not None:
            arrays |= languages.start_arrays(parent, both)
        files = languages.to_files(both)
        about_text = training_text.describe(Sentences(training, 0), source.lengths)
        files[training_text.FILE] = to_json(about_text.to_json())
        files[HELD_OUT] = pairs.to_bytes(held_out)
        return Snapshot(self.family.kind, self.options, files, arrays, data.digest)

    # Its material, and the version in service -------------------------------------------------------------------------

    def open(self, snapshot: Snapshot) -> Material:
        """See Recipe."""
        # 1. Read the snapshot.
        files = {name: content for name, content in snapshot.files.items() if name != HELD_OUT}
        both = languages.from_files(files, self.model)
        arrays = snapshot.arrays
        held_out = pairs.from_bytes(snapshot.files[HELD_OUT])
        sources = [source for source, _ in held_out]
        targets = [target for _, target in held_out]

        def make_task() -> TranslatorTask:
            from rnntext.train.pipelines import SentenceIds
            from rnntext.train.translator_task import TranslatorTask

            source = SentenceIds(arrays["source.ids"], arrays["source.lengths"])
            target = SentenceIds(arrays["target.ids"], arrays["target.lengths"])
            return TranslatorTask(self.model, self.training, both, (source, target), held_out)

        # 2. Put the material together.
        about = {
            "pairs": len(arrays["source.lengths"]),
            "held_out": len(held_out),
            "longest": int(arrays["source.lengths"].max()),
            "reverse": self.source.reverse,
        }
        return Material(
            make_task,
            files=files,
            about=about,
            held_out=lambda: overlap.of_sentences(sources),
            score=lambda champion: pairs.greedy_bleu(champion, sources, targets),
        )

    def check_comparable(self, champion: TranslationModel) -> None:
        """See Recipe."""
        if champion.checkpoint.manifest.get("reverse") != self.source.reverse:
            raise IncomparableError("the version in service translates the other way")
        if champion.config.lowercase != self.model.lowercase:
            raise IncomparableError("the version in service folds case differently")
