"""Sequence-level knowledge distillation (Kim and Rush 2016): a model learns from a teacher's translations.

Such translations are simpler than those of people: each is what a model of this kind finds likeliest. So a model of the
same size or a smaller one learns more from them in the same number of passes.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rnntext import system
from rnntext.families import TRANSLATOR
from rnntext.files.atomic import append_line, make_folder, remove_folder
from rnntext.jobs.ensembles import ensemble_of
from rnntext.jobs.teaching import Teaching
from rnntext.jobs.translation import TranslationModel
from rnntext.jobs.workers import Workers
from rnntext.settings.search import SearchConfig
from rnntext.storage.json_files import to_json
from rnntext.text.hold_out import hashed_position
from rnntext.text.lines import Report
from rnntext.text.normalize import normalize_line
from rnntext.text.stored_pairs import Pair

FOLDER = "teacher"  # of a model's folder, with what a teacher has translated
SEARCH = SearchConfig(beam=4)
PORTION = 256  # sentences that are translated between two looks at the clock
TIME_SHARE = 0.25  # of a time limit, which the teacher may take


def taught(
    teaching: Teaching, pairs: Sequence[Pair], lowercase: bool, time_limit: float | None, report: Report
) -> Sequence[Pair]:
    """The pairs, in the same order, with the teacher's translations as the targets of its share.

    They are kept in a file from training to training, so that each sentence is translated once by each teacher,
    also where a training is killed. A hash of the source decides which sentences are the teacher's.

    Args:
        teaching: whose translations; its share is that of the source sentences.
        pairs: for training, normalised.
        lowercase: whether they are lower-cased.
        time_limit: of the run, in seconds; the teacher takes a part of it, and what it does not translate in this
            time keeps its target.
        report: is told what the teacher does.

    Raises:
        UsageError, CheckpointError: there is no such teacher, or several do not have the same tokens.
        InputOutputError: the file cannot be written.
    """
    models = teaching.load(TRANSLATOR, report)
    if not models:
        return pairs
    teacher: Any = models[0] if len(models) == 1 else ensemble_of(models)

    # 1. Translate what this teacher has not translated before.
    sources = [source for source in dict.fromkeys(source for source, _ in pairs) if _is_taught(source, teaching.share)]
    path = _memory(teaching.path, models)
    translations = _remembered(path)  # by source
    missing = [source for source in sources if source not in translations]
    if missing:
        report(f"the teacher translates {len(missing):,} sentences")
        seconds = math.inf if time_limit is None else TIME_SHARE * time_limit
        for portion, answers in _translated(teacher, missing, time.monotonic() + seconds):
            new = dict(zip(portion, answers, strict=True))
            append_line(path, "\n".join("\t".join(pair) for pair in new.items()))
            translations |= new

    # 2. Put its translations in the places of the targets.
    learnt = {source: normalize_line(translations[source], lowercase) for source in sources if source in translations}
    late = len(sources) - len(learnt)
    if late:
        report(f"the time for the teacher is over: {late:,} of {len(sources):,} sentences keep their targets")
    return [(source, learnt.get(source) or target) for source, target in pairs]


def _memory(path: Path, teachers: Sequence[TranslationModel]) -> Path:
    """The file with what teachers have translated together. Those of other teachers are removed."""
    manifests = [teacher.checkpoint.manifest for teacher in teachers]
    identity = to_json([manifests, SEARCH.to_json()])
    folder = path / FOLDER / hashlib.sha256(identity).hexdigest()
    make_folder(folder)
    for other in folder.parent.iterdir():
        if other != folder:
            remove_folder(other)
    return folder / "translations.tsv"


def _is_taught(source: str, share: float) -> bool:
    return share == 1 or hashed_position(f"teacher {source}") < share


def _remembered(path: Path) -> dict[str, str]:
    """The translations in a file, by source; a last line without an end was cut off, and does not count."""
    if not path.exists():
        return {}
    *lines, _ = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return dict(line.split("\t") for line in lines if line.count("\t") == 1)


class _Portions:
    """Sentences in portions, until the time is over (see `jobs.workers.Source`)."""

    def __init__(self, sentences: Sequence[str], deadline: float) -> None:
        self._sentences = sentences
        self._deadline = deadline
        self._begin = 0

    def read(self) -> list[str]:
        """The next portion; none when the time is over."""
        if time.monotonic() > self._deadline:
            return []
        begin = self._begin
        self._begin += PORTION
        return list(self._sentences[begin : self._begin])

    def ready(self) -> bool:
        """Always, as nothing arrives."""
        return True

    def fileno(self) -> int:
        """Nobody waits."""
        raise AssertionError


def _translated(
    teacher: TranslationModel, sentences: Sequence[str], deadline: float
) -> Iterator[tuple[list[str], list[str]]]:
    """Yields portions of sentences with their translations, by as many processes as there are processors.

    Args:
        deadline: no portion is begun later, in seconds of `time.monotonic`.
    """

    def work(portion: list[str]) -> list[str]:
        return list(teacher.translate(portion, search=SEARCH, ahead=len(portion)))

    portions = _Portions(sentences, deadline)
    if not system.can_fork():
        yield from ((portion, work(portion)) for portion in iter(portions.read, []))
        return
    workers: Workers[str, str] = Workers(system.processors(), work, len)
    try:
        yield from workers.run(portions)
    finally:
        workers.close()
