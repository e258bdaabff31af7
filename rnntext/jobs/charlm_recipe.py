"""What is special about training a character model: its data, its sizes, its material."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnntext import sizes
from rnntext.errors import UsageError
from rnntext.families import CHARLM
from rnntext.files.scratch import Scratch
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.choice import Chosen, Inherited, SizedRecipe, asked, filled, training_budget
from rnntext.jobs.generate import sample_lines
from rnntext.jobs.recipe import Data, IncomparableError, Material
from rnntext.jobs.teaching import Teaching
from rnntext.jobs.texts import TextSource
from rnntext.jobs.unfinished import Options, Snapshot
from rnntext.run.charlm import Charlm, shapes
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.storage.json_files import parse_json, to_json
from rnntext.text import overlap
from rnntext.text.long_text import LongText
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary, count_characters, most_frequent
from rnntext.train import warm

if TYPE_CHECKING:
    from rnntext.train.charlm_task import CharlmTask
    from rnntext.train.charlm_teachers import Teacher

TEACHERS = "teachers.json"  # file of a snapshot


@dataclasses.dataclass(frozen=True)
class TextData:
    """What a character model is trained on, as it was read.

    Attributes:
        text: to learn from.
        counts: of its characters, by code point, `[code points]`.
        held_out: the held-out text.
        teachers: who teaches.
        folder: for data that may be larger than memory.
    """

    text: LongText
    counts: np.ndarray
    held_out: str
    teachers: Sequence[CharacterModel]
    folder: Path


class CharlmRecipe(SizedRecipe):
    """What is special about training a character model; see `jobs.recipe.Recipe`.

    Args:
        source: of training text and held-out text.
        teaching: who teaches; None: nobody.
    """

    family = CHARLM
    model: CharlmConfig
    training: CharlmTraining

    def __init__(
        self,
        source: TextSource,
        model: CharlmConfig,
        training: CharlmTraining,
        size: str = "auto",
        free: frozenset[str] = frozenset(),
        report: Callable[[str], None] = lambda message: None,
        teaching: Teaching | None = None,
    ) -> None:
        super().__init__(model, training, size, free, report)
        self.source = source
        self.teaching = teaching or Teaching()
        data = {
            "validation": source.validation,
            "sources": source.files,
            "size": size,
            "teacher": list(self.teaching.teachers),
            "teacher_share": self.teaching.share,
        }
        self.options: Options = {"model": asked(model, free), "training": asked(training, free), "data": data}

    # The beginning of a run -------------------------------------------------------------------------------------------

    def read(self, folder: Path) -> Data:
        """See Recipe."""
        # 1. Read.
        scored = sizes.scored_characters(self.training.time_limit)
        window = self.training.window
        text, held_out = self.source.split(self.model.lowercase, window, scored, self.report, folder)

        # 2. Look through it.
        digest = hashlib.sha256()
        for piece in text.pieces():
            digest.update(piece.encode())
        digest.update(b"\0" + held_out.encode())
        teachers = self.teaching.load(self.family, self.report)
        for teacher in teachers:
            if teacher.config.lowercase != self.model.lowercase:
                raise UsageError(f"--teacher {teacher.checkpoint.path}: it folds case differently")
            digest.update(b"\0" + to_json(teacher.checkpoint.manifest))
        seen = overlap.of_text(text.pieces(), overlap.MAX_HASHES)
        content = TextData(text, count_characters(text.pieces()), held_out, teachers, folder)
        return Data(digest.hexdigest(), seen, content)

    def choose(self, data: Data, parent: CharacterModel | None) -> Chosen:
        """See Recipe."""
        if not self.free:
            return {}

        # 1. Choose the size.
        content: TextData = data.content
        length = len(content.text)
        vocabulary_size = int(np.count_nonzero(content.counts)) + 1  # with [UNK]

        def parameters(fields: sizes.Fields) -> float:
            """The number of parameters, without those of the embedding, which takes no matrix products."""
            arrays = shapes(filled(self.model, fields, self.free), vocabulary_size)
            return float(sum(math.prod(shape) for name, shape in arrays.items() if name != "embedding"))

        inherited = None
        if parent is not None:
            inherited = Inherited(parent.checkpoint.version, parent.config.to_json())
        budget = training_budget(length, self.training)
        size, fields = self._choose_size(sizes.CHARLM, parameters, budget, inherited)

        # 2. Choose how a model of this size is trained.
        count = parameters(fields)
        affordable_characters = budget.affordable_tokens(count)
        batch_size, seen_characters = self._exposure(
            affordable_characters, budget, "batch_size", sizes.BATCH_SIZES, self.training.window
        )
        passes = seen_characters / length
        per_character = count / length
        values = {
            **fields,
            **sizes.by_passes(sizes.CHARLM_PASSES, passes * per_character),
            "learning_rate": sizes.LEARNING_RATE,
            "batch_size": batch_size,
        }
        return self._chosen(size, values, budget, "characters", seen_characters)

    def begin(self, data: Data, parent: CharacterModel | None) -> Snapshot:
        """See Recipe."""
        from rnntext.train.pipelines import vectorize

        # 1. Make the vocabulary, beginning with the parent's.
        content: TextData = data.content
        held_out = content.held_out
        self._tell_shared(overlap.of_text(held_out), data.seen, parent)
        vocabulary = CharVocabulary(most_frequent(content.counts, self.training.vocabulary_size))
        start: dict[str, np.ndarray] = {}
        if parent is not None:
            vocabulary = self._grown(parent.engine.vocabulary, vocabulary)
            start = self._start(parent, vocabulary)

        # 2. Look up the text.
        with Scratch(content.folder) as scratch:
            for piece in vectorize(content.text.pieces(), vocabulary):
                scratch.append(piece.tobytes())
            ids = scratch.array(piece.dtype)  # [characters]

        # 3. Make the snapshot.
        described, weights = _stored(content.teachers)
        files = {
            "vocabulary.json": to_json(vocabulary.characters),
            "held_out.txt": held_out.encode(),
            TEACHERS: to_json(described),
        }
        arrays = {"ids": ids, **start, **weights}
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
