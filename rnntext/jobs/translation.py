"""A translation model in service: sentences in, sentences out."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from rnntext.config import ARCHITECTURES, SEARCH_TOKENS, SearchConfig, TranslatorConfig
from rnntext.errors import CheckpointError, UsageError
from rnntext.run import translators
from rnntext.run.forcing import log_probabilities
from rnntext.run.search import Hypothesis, search_all
from rnntext.run.threads import blas_threads
from rnntext.storage.checkpoint import Checkpoint
from rnntext.text import tokens
from rnntext.text.normalize import normalize_line
from rnntext.text.segments import split_long

SearchAll: TypeAlias = Callable[..., Iterator[tuple[int, list[Hypothesis]]]]
MOST_SCORED = 2048  # tokens of a side: attention costs their square, and no model has learnt from longer ones


@dataclasses.dataclass(frozen=True)
class Answer:
    """One translation of a sentence.

    Attributes:
        text: on one line.
        log_probability: natural logarithm, of all tokens and the end; nan if a greedy search was not asked for it.
        score: what it was ranked by, or nan.
        tokens: of the translation.
        attention: how each token looked at the source's, `[tokens, source]`, if asked for.
    """

    text: str
    log_probability: float
    score: float
    tokens: list[str]
    attention: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Translation:
    """What became of a line.

    Attributes:
        answers: the best first; always `n_best` of them, the last one repeated where there are not so many.
        source_tokens: of the line.
        parts: into how many parts the line was cut because it was too long; 0 for a blank line.
    """

    answers: list[Answer]
    source_tokens: list[str]
    parts: int

    @property
    def text(self) -> str:
        """The best translation."""
        return self.answers[0].text


class TranslationModel:
    """A translation model.

    Attributes:
        config: its shape.
        source, target: its languages.
        engine: the NumPy model, for work on ids and logits.
        search_all: how translations are searched for, by NumPy (`run.search.search_all`) or by CTranslate2.
        checkpoint: the version it came from, with its manifest and metrics.
        longest: tokens of a source sentence that it was trained on, at the most; positions beyond mean nothing to it.
        threads: how many matrix products may use.
        jobs: batches that `search_all` computes side by side by itself, in threads: CTranslate2 as many as it is told,
            NumPy one.
    """

    def __init__(self, source: Checkpoint, threads: int = 1, engine: str = "numpy", jobs: int = 1) -> None:
        if source.kind != "translator":
            raise UsageError(f"{source.path}: this is a {source.kind} model; a translation model is needed here")
        self.checkpoint, self.threads = source, threads
        self.jobs = jobs if engine == "ctranslate2" else 1
        self.config, self.longest = _config(source)
        sides = ["tokens"] if self.config.joint else ["source", "target"]
        lists = {f"{side}.json": source.strings(f"{side}.json") for side in sides}
        self.source, self.target = tokens.from_files(self.config.tokens, self.config.joint, {**source.files, **lists})
        shapes = translators.shapes(self.config, len(self.source), len(self.target))
        arrays = source.arrays(shapes)
        self.engine = translators.build(self.config, arrays)
        self.search_all: SearchAll = functools.partial(search_all, self.engine)
        if engine == "ctranslate2":
            from rnntext.run.ctranslate2 import CTranslate2

            self.search_all = CTranslate2(self.config, arrays, self.longest, threads, jobs).search_all

    @property
    def attends(self) -> bool:
        """Whether there is any attention that could be shown."""
        return getattr(self.config, "attention", "") != "none"

    def translate(
        self,
        lines: Iterable[str],
        *,
        beam: int = SearchConfig.beam,
        length_penalty: float = SearchConfig.length_penalty,
        max_length: int | None = None,
        ahead: int = 64,
    ) -> Iterator[str]:
        """Translations of lines, in order, as they are asked for: lazily in, lazily out.

        Args:
            beam, length_penalty, max_length: see `SearchConfig`.
            ahead: lines that are taken, and translated, at a time; 1 takes none before it is needed.
        """
        config = SearchConfig(beam=beam, length_penalty=length_penalty, max_length=max_length)
        source = iter(lines)
        while portion := list(itertools.islice(source, ahead)):
            yield from (found.text for found in self.translate_all(portion, config, with_scores=False))

    def translate_all(
        self,
        lines: Sequence[str],
        config: SearchConfig | None = None,
        batch_tokens: int = SEARCH_TOKENS,
        with_attention: bool = False,
        with_scores: bool = True,
    ) -> list[Translation]:
        """Translations of lines, similarly long ones side by side; `translate_each` in the order of the lines."""
        found = dict(self.translate_each(lines, config, batch_tokens, with_attention, with_scores))
        return [found[index] for index in range(len(lines))]

    def translate_each(
        self,
        lines: Sequence[str],
        config: SearchConfig | None = None,
        batch_tokens: int = SEARCH_TOKENS,
        with_attention: bool = False,
        with_scores: bool = True,
    ) -> Iterator[tuple[int, Translation]]:
        """Yields numbers and translations of lines as they are ready, batch by batch.

        A line of more tokens than the model was trained on is cut into parts, and their translations are joined.
        """
        config = config or SearchConfig()
        parts = [self.parts(line) for line in lines]
        flat = [(index, part) for index, members in enumerate(parts) for part in members]
        waiting: list[dict[int, list[Hypothesis]]] = [{} for _ in lines]
        yield from ((index, _blank(config.n_best)) for index, members in enumerate(parts) if not members)
        first = np.cumsum([0, *(len(members) for members in parts)])
        ids = [self.source.lookup(part) for _, part in flat]
        searching = self.search_all(ids, config, self.target.forbidden, batch_tokens, with_attention, with_scores)
        while True:
            with blas_threads(self.threads):
                number, hypotheses = next(searching, (-1, []))
            if number < 0:
                return
            index = flat[number][0]
            waiting[index][number] = hypotheses
            if len(waiting[index]) == len(parts[index]):
                numbers = range(first[index], first[index + 1])
                found = [waiting[index].pop(n) for n in numbers]
                yield index, self._translation(parts[index], found, config.n_best)

    def parts(self, line: str) -> list[list[str]]:
        """The tokens of a line, normalised, as sentences that are not too long for the model; none if there is no token
        in it."""
        split = self.source.tokenizer.split
        text = normalize_line(line, self.config.lowercase)
        if len(text) <= 64 * self.longest and len(cut := split(text)) <= self.longest:
            return [cut] if cut else []  # to a model of words, wide spaces alone are nothing
        parts = split_long(text, lambda part: len(split(part)), self.longest)
        return [cut for part in parts if (cut := split(part))]

    def _translation(self, source: list[list[str]], found: list[list[Hypothesis]], n_best: int) -> Translation:
        """A line's translation from those of its parts: the best ones of all parts together, the second best, ..."""
        answers = [
            self._answer([hypotheses[min(rank, len(hypotheses) - 1)] for hypotheses in found]) for rank in range(n_best)
        ]
        return Translation(answers, [token for part in source for token in part], len(found))

    def _answer(self, parts: list[Hypothesis]) -> Answer:
        texts = [self.target.decode(part.ids) for part in parts]
        maps = [part.attention for part in parts]
        return Answer(
            " ".join(text for text in texts if text),
            sum(part.log_probability for part in parts),
            sum(part.score for part in parts) / len(parts),
            [self.target.tokens[i - tokens.RESERVED] for part in parts for i in part.ids],
            None if any(m is None for m in maps) else _diagonal([m for m in maps if m is not None]),
        )

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        """The natural log-probability of each target given its source, and the target's number of tokens, the end
        included; nan for a pair with a blank source, or with a side of more than MOST_SCORED tokens."""
        lowercase = self.config.lowercase
        clean = [(normalize_line(source, lowercase), normalize_line(target, lowercase)) for source, target in pairs]
        sources = [self.source.encode(source) for source, _ in clean]
        targets = [self.target.encode(target) for _, target in clean]
        usable = [
            index
            for index, (source, target) in enumerate(zip(sources, targets, strict=True))
            if len(source) and max(len(source), len(target)) <= MOST_SCORED
        ]
        scores = np.full(len(pairs), np.nan)
        with blas_threads(self.threads):
            scores[usable] = log_probabilities(
                self.engine, [sources[i] for i in usable], [targets[i] for i in usable], SEARCH_TOKENS
            )
        return [(float(score), len(target) + 1) for score, target in zip(scores, targets, strict=True)]


def _config(source: Checkpoint) -> tuple[TranslatorConfig, int]:
    """The model's config, and the most tokens of a sentence that it was trained on."""
    settings = source.json("config.json")
    where = f"{source.path}: config.json"
    if not isinstance(settings, dict) or not isinstance(settings.get("model"), dict):
        raise CheckpointError(f"{where}: not the settings of a translation model")
    model = dict(settings["model"])
    architecture = model.pop("architecture", None)
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise CheckpointError(
            f"{where}: architecture {reprlib.repr(architecture)} is unknown to this version of rnntext"
        )
    training = settings.get("training")
    longest = training.get("longest") if isinstance(training, dict) else None
    longest = source.manifest.get("longest", longest)  # that it saw, rather than that it might have seen
    if type(longest) is not int or not 1 <= longest <= 100_000:
        raise CheckpointError(f"{where}: 'longest' is missing")
    return ARCHITECTURES[architecture].from_json(model), longest


def _blank(n_best: int) -> Translation:
    return Translation([Answer("", 0.0, 0.0, [], np.zeros((0, 0), np.float32))] * n_best, [], 0)


def _diagonal(maps: list[np.ndarray]) -> np.ndarray:
    """The attention of a line from those of its parts, which did not see one another."""
    found = np.zeros((sum(len(m) for m in maps), sum(m.shape[1] for m in maps)), np.float32)
    row = column = 0
    for part in maps:
        found[row : row + len(part), column : column + part.shape[1]] = part
        row, column = row + len(part), column + part.shape[1]
    return found
