"""What is special about training a character model: its data, its sizes, its material."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnntext import sizes
from rnntext.errors import DataError, UsageError
from rnntext.families import CHARLM
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.choice import Chosen, Inherited, SizedRecipe, asked, filled, training_budget
from rnntext.jobs.generate import sample_lines
from rnntext.jobs.recipe import Data, IncomparableError, Material
from rnntext.jobs.teaching import Teaching
from rnntext.jobs.training import fraction
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run.charlm import Charlm, shapes
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.storage.json_files import parse_json, to_json
from rnntext.text import overlap
from rnntext.text.catalogue import read_source
from rnntext.text.hold_out import hold_out_lines, is_sorted
from rnntext.text.lines import expanded, name_of, read_text
from rnntext.text.normalize import normalize
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary
from rnntext.train import warm

if TYPE_CHECKING:
    from rnntext.train.charlm_task import CharlmTask
    from rnntext.train.charlm_teachers import Teacher

TEACHERS = "teachers.json"  # file of a snapshot
LINES = "lines:"  # what the value of --validation begins with if lines are held out
MAX_NAMED = 3  # sources that a message names


class CharlmRecipe(SizedRecipe):
    """What is special about training a character model; see `jobs.recipe.Recipe`.

    Args:
        errors: "strict" or "replace", for bytes that are no UTF-8.
        teaching: who teaches; None: nobody.
    """

    family = CHARLM
    model: CharlmConfig
    training: CharlmTraining

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
        teaching: Teaching | None = None,
    ) -> None:
        super().__init__(model, training, size, free, report)
        self.sources = sources
        self.validation = validation
        self.errors = errors
        self.teaching = teaching or Teaching()
        data = {
            "validation": validation,
            "sources": sources,
            "size": size,
            "teacher": list(self.teaching.teachers),
            "teacher_share": self.teaching.share,
        }
        self.options: Options = {"model": asked(model, free), "training": asked(training, free), "data": data}

    # The beginning of a run -------------------------------------------------------------------------------------------

    def read(self) -> Data:
        """See Recipe."""
        text, held_out = self._texts()
        where = _names(self.sources)
        window = self.training.window
        if len(text) <= window:
            raise DataError(
                f"{where}: {len(text)} characters to train on are too few for --window {window}; "
                "give more text, or a smaller --window"
            )
        if not held_out:
            if not self.validation.startswith(LINES) and fraction(self.validation) is None:
                where = self.validation
            raise DataError(f"{where}: no held-out text; give more text, or another file with --validation FILE")
        digest = hashlib.sha256(text.encode())
        digest.update(b"\0" + held_out.encode())  # Joining both texts first would copy a long one.
        teachers = self.teaching.load(self.family, self.report)
        for teacher in teachers:
            if teacher.config.lowercase != self.model.lowercase:
                raise UsageError(f"--teacher {teacher.checkpoint.path}: it folds case differently")
            digest.update(b"\0" + to_json(teacher.checkpoint.manifest))
        seen = overlap.of_text(text, overlap.MAX_HASHES)
        return Data(digest.hexdigest(), seen, (text, held_out, teachers))

    def _texts(self) -> tuple[str, str]:
        """Training text and held-out text, normalised. Of the text that a fraction holds out, only the end is returned,
        as much as can be scored; nobody learns from the rest."""
        text = self._text()
        scored = sizes.scored_characters(self.training.time_limit)
        if self.validation.startswith(LINES):
            return hold_out_lines(text, _share_of_lines(self.validation), scored)
        share = fraction(self.validation)
        if share is None:
            held_out = read_text(self.validation, self.errors, report=self.report)
            return text, normalize(held_out, self.model.lowercase)
        if is_sorted(text):
            self.report(
                "the lines are sorted, so that those at the end, which are held out, begin like no other; "
                f"--validation {LINES}{self.validation} shuffles the list and holds out lines from all over it"
            )
        cut = int(len(text) * (1.0 - share))
        begin = max(cut, len(text) - scored)
        return text[:cut], text[begin:]

    def _text(self) -> str:
        """The text of all sources, normalised; each source begins on a line of its own."""
        parts = [read_source(source, self.errors, self.report) for source in expanded(self.sources)]
        if len(parts) == 1:
            text = parts[0]
        else:
            text = "\n".join(part.removesuffix("\n") for part in parts) + "\n"
        text = normalize(text, self.model.lowercase)
        if not text.strip():
            raise DataError(f"{_names(self.sources)}: empty; there is nothing to train on")
        return text

    def choose(self, data: Data, parent: CharacterModel | None) -> Chosen:
        """See Recipe."""
        if not self.free:
            return {}

        # 1. Choose the size.
        text, _, _ = data.content
        vocabulary_size = len(set(text)) + 1  # with [UNK]

        def parameters(fields: sizes.Fields) -> float:
            """The number of parameters, without those of the embedding, which takes no matrix products."""
            arrays = shapes(filled(self.model, fields, self.free), vocabulary_size)
            return float(sum(math.prod(shape) for name, shape in arrays.items() if name != "embedding"))

        inherited = None
        if parent is not None:
            inherited = Inherited(parent.checkpoint.version, parent.config.to_json())
        budget = training_budget(len(text), self.training)
        size, fields = self._choose_size(sizes.CHARLM, parameters, budget, inherited)

        # 2. Choose how a model of this size is trained.
        count = parameters(fields)
        affordable_characters = budget.affordable_tokens(count)
        batch_size, seen_characters = self._exposure(
            affordable_characters, budget, "batch_size", sizes.BATCH_SIZES, self.training.window
        )
        passes = seen_characters / len(text)
        per_character = count / len(text)
        values = {
            **fields,
            **sizes.by_passes(sizes.CHARLM_PASSES, passes * per_character),
            "learning_rate": sizes.LEARNING_RATE,
            "batch_size": batch_size,
        }
        return self._chosen(size, values, budget, "characters", seen_characters)

    def begin(self, data: Data, parent: CharacterModel | None) -> Snapshot:
        """See Recipe."""
        from rnntext.train.pipelines import learn_characters, vectorize

        text, held_out, teachers = data.content
        self._tell_shared(overlap.of_text(held_out), data.seen, parent)
        vocabulary = learn_characters(text, self.training.vocabulary_size)
        start: dict[str, np.ndarray] = {}
        if parent is not None:
            vocabulary = self._grown(parent.engine.vocabulary, vocabulary)
            start = self._start(parent, vocabulary)
        described, weights = _stored(teachers)
        files = {
            "vocabulary.json": to_json(vocabulary.characters),
            "held_out.txt": held_out.encode(),
            TEACHERS: to_json(described),
        }
        arrays = {"ids": vectorize(text, vocabulary), **start, **weights}
        return Snapshot(self.family.kind, self.options, files, arrays, data.digest)

    def _grown(self, old: CharVocabulary, learnt: CharVocabulary) -> CharVocabulary:
        """The parent's vocabulary with the new characters of the text."""
        return CharVocabulary(warm.grow(old.characters, learnt.characters, self.training.vocabulary_size))

    def _start(self, parent: CharacterModel, vocabulary: CharVocabulary) -> dict[str, np.ndarray]:
        """The parent's weights for a snapshot, see `train.warm`."""
        old = parent.engine.vocabulary
        old_ids = warm.old_ids(vocabulary.characters, old.characters, UNKNOWN + 1)
        names = ("embedding", "logits.kernel", "logits.bias")
        weights = parent.checkpoint.arrays(shapes(self.model, len(old)))
        return warm.to_arrays(weights, dict.fromkeys(names, old_ids), UNKNOWN)

    # Its material, and the version in service -------------------------------------------------------------------------

    def open(self, snapshot: Snapshot) -> Material:
        """See Recipe."""
        # 1. Read the snapshot.
        vocabulary_file = snapshot.files["vocabulary.json"]
        vocabulary = CharVocabulary(parse_json(vocabulary_file, Path("vocabulary.json")))
        ids = snapshot.arrays["ids"]  # [time]
        held_out = snapshot.files["held_out.txt"].decode()

        def score(champion: CharacterModel) -> float:
            bits, characters = champion.score(held_out)
            return bits / characters

        def make_task() -> CharlmTask:
            from rnntext.train.charlm_task import CharlmTask

            def show(engine: Charlm) -> list[str]:
                return sample_lines(engine, self.training.seed)

            teachers = _teachers(snapshot)
            return CharlmTask(self.model, self.training, vocabulary, ids, held_out, show, teachers, self.teaching.share)

        # 2. Put the material together.
        return Material(
            make_task,
            files={"vocabulary.json": vocabulary_file},
            about={"characters": len(ids), "held_out": len(held_out)},
            held_out=lambda: overlap.of_text(held_out),
            score=score,
        )

    def check_comparable(self, champion: CharacterModel) -> None:
        """See Recipe."""
        if champion.config.lowercase != self.model.lowercase:
            raise IncomparableError("the version in service folds case differently")


def _stored(teachers: Sequence[CharacterModel]) -> tuple[list[Any], dict[str, np.ndarray]]:
    """The configs and vocabularies of teachers, and their weights, for a snapshot: so that a run ends as it began,
    whatever becomes of them."""
    described = []
    arrays: dict[str, np.ndarray] = {}
    for number, teacher in enumerate(teachers):
        vocabulary = teacher.engine.vocabulary
        described.append({"config": teacher.config.to_json(), "characters": vocabulary.characters})
        for name, array in teacher.checkpoint.arrays(shapes(teacher.config, len(vocabulary))).items():
            arrays[f"teacher.{number}.{name}"] = array
    return described, arrays


def _teachers(snapshot: Snapshot) -> list[Teacher]:
    """The teachers in a snapshot."""
    from rnntext.train.charlm_teachers import Teacher

    teachers = []
    for number, described in enumerate(parse_json(snapshot.files.get(TEACHERS, b"[]"), Path(TEACHERS))):
        config = CharlmConfig.from_json(described["config"])
        vocabulary = CharVocabulary(described["characters"])
        names = shapes(config, len(vocabulary))
        arrays = {name: snapshot.arrays[f"teacher.{number}.{name}"] for name in names}
        teachers.append(Teacher(config, vocabulary, arrays))
    return teachers


def _share_of_lines(validation: str) -> float:
    """The fraction of lines that the value of `--validation` holds out.

    Raises:
        UsageError: there is no fraction after `LINES`.
    """
    share = fraction(validation, LINES)
    if share is None:
        raise UsageError(f"--validation {validation}: write {LINES}0.1 to hold out a tenth of the lines")
    return share


def _names(sources: Sequence[str]) -> str:
    """The sources for a message."""
    names = ", ".join(name_of(source) for source in sources[:MAX_NAMED])
    return f"{names} and {len(sources) - MAX_NAMED} more" if len(sources) > MAX_NAMED else names
