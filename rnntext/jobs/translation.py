"""A translation model in service: it reads sentences and writes their translations."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rnntext.errors import UsageError
from rnntext.jobs.answers import Answer, Translation
from rnntext.jobs.served import Served
from rnntext.jobs.stored import stored_config, stored_training_text
from rnntext.run import translators
from rnntext.run.attention import block_diagonal
from rnntext.run.batching import in_order
from rnntext.run.forcing import token_log_probabilities
from rnntext.run.loops import SearchAll, search_without_loops
from rnntext.run.search import Hypothesis, search_all
from rnntext.run.threads import blas_threads
from rnntext.settings.base import as_count, as_text, as_texts
from rnntext.settings.search import SEARCH_TOKENS, SearchConfig
from rnntext.storage.checkpoint import Checkpoint
from rnntext.text import kept, placing, tokens
from rnntext.text.glossary import Glossary, Terms, glossary_pairs
from rnntext.text.lookalikes import is_blank
from rnntext.text.normalize import normalize_line
from rnntext.text.segments import joined
from rnntext.text.source_lines import Part, SourceLines

_NOTHING = Hypothesis((), 0.0, 0.0, np.zeros((0, 0), np.float32))  # of a part that is kept as it is
MAX_SCORED = 2048  # tokens on a side of a pair that is scored; the cost of attention is quadratic


class TranslationModel(Served):
    """A translation model in service; `rnntext.load` makes it.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/translator")  # answers each letter with the next one of the alphabet
    >>> list(model.translate(["hal", "a cat"], search=rnntext.SearchConfig(beam=1)))
    ['ibm', 'b dbu']

    Attributes:
        config: its architecture; of an ensemble, that of its first member.
        attends: whether it has attention weights that could be shown.
        source, target: its languages.
        engine: the NumPy model, or an ensemble of them, which computes with token ids and logits.
        search_all: the search for translations: in NumPy (`run.search.search_all`) or by CTranslate2.
        checkpoint: the version it came from, with its manifest and metrics; of an ensemble, its first member.
        longest: maximum number of tokens of a source sentence in its training; later positions are untrained.
        lines: makes parts of source lines.
        threads: number of threads of a matrix product.
        jobs: number of batches that `search_all` computes at the same time: CTranslate2 as many as it is told, NumPy
            one.
    """

    def __init__(self, source: Checkpoint, threads: int = 1, engine: str = "numpy", jobs: int = 1) -> None:
        self.checkpoint = source
        self.threads = threads
        self.jobs = jobs if engine == "ctranslate2" else 1
        self.config, self.longest = stored_config(source)
        self.attends = getattr(self.config, "attention", "") != "none"
        sides = ["tokens"] if self.config.joint else ["source", "target"]
        token_lists = {f"{side}.json": source.strings(f"{side}.json") for side in sides}
        files = {**source.files, **token_lists}
        self.source, self.target = tokens.from_files(self.config.tokens, self.config.joint, files)
        self.lines = SourceLines(
            self.source, self.config.lowercase, stored_training_text(source, self.longest), self.longest
        )
        shapes = translators.shapes(self.config, len(self.source), len(self.target))
        arrays = source.arrays(shapes)
        self.engine = translators.build(self.config, arrays)
        self.search_all: SearchAll = functools.partial(search_all, self.engine)
        if engine == "ctranslate2":
            from rnntext.run.ctranslate2 import CTranslate2

            self.search_all = CTranslate2(self.config, arrays, self.longest, threads, jobs).search_all

    def translate(
        self,
        lines: str | Iterable[str],
        *,
        search: SearchConfig | None = None,
        ahead: int = 64,
        glossary: Terms | None = None,
    ) -> Iterator[str]:
        """The best translation of each line, in order, computed as they are asked for.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/translator")
        >>> for translation in model.translate(["hal", "a cat"]):
        ...     print(translation)
        ibm
        b dbu

        Args:
            lines: one or more sentences of the source language.
            search: how to search.
            ahead: number of lines that are taken and translated at a time; 1 takes no line before it is needed.
            glossary: the translation of each term, or a file of lines of a term, a TAB and its translation.
        """
        unscored = dataclasses.replace(search or SearchConfig(), with_scores=False)
        terms = self.glossary(glossary)
        several = isinstance(lines, Iterable) and not isinstance(lines, str | bytes)
        source = iter(lines if several else as_texts("lines", lines))
        ahead = as_count("ahead", ahead, low=1)
        portions = iter(lambda: list(itertools.islice(source, ahead)), [])
        return (translation.text for portion in portions for translation in self.translations(portion, unscored, terms))

    def translate_all(
        self, lines: str | Sequence[str], search: SearchConfig | None = None, glossary: Terms | None = None
    ) -> list[Translation]:
        """The translations of lines with scores, tokens and, if asked for, attention; for the glossary see `translate`.

        Lines of similar length are translated in one batch.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/translator")
        >>> [translation.text for translation in model.translate_all(["hal", "a cat"])]
        ['ibm', 'b dbu']
        """
        return list(self.translations(lines, search, self.glossary(glossary)))

    def translations(
        self, lines: str | Sequence[str], search: SearchConfig | None = None, glossary: Glossary | None = None
    ) -> Iterator[Translation]:
        """The same as `translate_all`; yields each translation as soon as it and those before it are ready.

        A line with more sentences or tokens than most lines of the training is cut into parts, and their translations
        are joined. The spaces before a line are kept, as are emoji and the like on both sides of it, and addresses,
        placeholders of programs and tags within it (`text.kept`).
        """
        search = search or SearchConfig()
        lines = as_texts("lines", lines)
        framed = [self.lines.framed(line) for line in lines]
        lines_of_parts = [self.lines.parts(text, search.split, search.keep, glossary) for _, text, _ in framed]
        all_parts = list(itertools.chain.from_iterable(lines_of_parts))
        ids = [self.source.lookup(part.tokens) for part in all_parts if part.tokens]
        places_something = self.attends and any(part.kept or part.terms for part in all_parts)
        searched = dataclasses.replace(search, with_attention=search.with_attention or places_something)
        hypotheses = in_order(self._searched(ids, searched))
        for (before, _, behind), parts in zip(framed, lines_of_parts, strict=True):
            if parts:
                of_parts = [next(hypotheses) if part.tokens else [_NOTHING] for part in parts]
                yield self._translation((before, behind), parts, of_parts, search)
            else:
                yield _blank(before + behind, search.n_best)

    def glossary(self, terms: Terms | None) -> Glossary | None:
        """The glossary that finds terms in lines for `translations`; None if there is none.

        Args:
            terms: see `translate`.

        Raises:
            DataError: a line of the file is something else, or a term has two translations.
            InputOutputError: the file cannot be read.
            UsageError: the model has no attention, which shows where terms belong; or a pair of a mapping is no term.
        """
        if terms is None:
            return None
        if not self.attends:
            raise UsageError("--glossary: this model was trained with --attention none; it shows no place for terms")
        return Glossary(glossary_pairs(terms), self.lines.normalized)

    def _searched(self, ids: list[np.ndarray], search: SearchConfig) -> Iterator[tuple[int, list[Hypothesis]]]:
        """The number and the hypotheses of each sentence. The limit of BLAS threads holds only while a batch is
        searched, not while the caller works."""
        searching = search_without_loops(self.search_all, ids, search, self.target.forbidden)
        while True:
            with blas_threads(self.threads):
                numbered = next(searching, None)
            if numbered is None:
                return
            yield numbered

    def _translation(
        self, frame: tuple[str, str], parts: list[Part], hypotheses: list[list[Hypothesis]], search: SearchConfig
    ) -> Translation:
        """The translation of a line: the best hypotheses of all its parts joined, then the second best, and so on.

        Args:
            frame: what stands before and behind the sentences of the line.
            parts: those of the line.
            hypotheses: those of each part, the best one first.
            search: how many answers there are, and whether with attention weights.
        """
        answers = []
        for rank in range(search.n_best):
            ranked = [of_part[min(rank, len(of_part) - 1)] for of_part in hypotheses]
            answer = self._answer(frame, parts, ranked)
            answers.append(answer if search.with_attention else dataclasses.replace(answer, attention=None))
        source_tokens = [token for part in parts for token in part.tokens]
        return Translation(answers, source_tokens, _translated(parts))

    def _answer(self, frame: tuple[str, str], parts: list[Part], hypotheses: list[Hypothesis]) -> Answer:
        """The answer that consists of one hypothesis for each part of a line."""
        texts = []
        for part, hypothesis in zip(parts, hypotheses, strict=True):
            text = self.target.decode(hypothesis.ids)
            if part.kept or part.terms:
                source_ends = placing.ends(self.source.tokenizer.join, part.tokens)
                target_ends = placing.ends(self.target.decode, hypothesis.ids)
                where = (source_ends, target_ends, hypothesis.attention)
                text, spans = placing.with_marks(text, part.kept, part.terms, *where)
                text = part.reading.written(text, self.target.encode)
                texts.append(kept.restored(text, spans))
            else:
                texts.append(part.reading.written(text, self.target.encode))
        ids = [i for hypothesis in hypotheses for i in hypothesis.ids]
        maps = [hypothesis.attention for hypothesis in hypotheses if hypothesis.attention is not None]
        return Answer(
            text=frame[0] + joined(texts) + frame[1],
            log_probability=sum(hypothesis.log_probability for hypothesis in hypotheses),
            score=sum(hypothesis.score for hypothesis in hypotheses) / max(1, _translated(parts)),
            tokens=self.target.named(ids),
            attention=block_diagonal(maps) if len(maps) == len(parts) else None,
        )

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        """The natural log-probability of each target given its source, and the target's number of tokens with the end.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/translator")
        >>> (good, tokens), (bad, _) = model.score([("hal", "ibm"), ("hal", "abc")])
        >>> tokens, good > bad
        (4, True)

        The log-probability is nan for a pair with a blank source, or with more than MAX_SCORED tokens on a side.
        """
        return [(math.fsum(log_p for _, log_p in tokens), len(tokens)) for tokens in self.score_tokens(pairs)]

    def score_tokens(self, pairs: Sequence[tuple[str, str]]) -> list[list[tuple[str, float]]]:
        """The tokens of each target and its end, each with its natural log-probability, nan as in `score`.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/translator")
        >>> (tokens,) = model.score_tokens([("hal", "ibx")])
        >>> [(token, log_probability > -0.1) for token, log_probability in tokens]
        [('i', True), ('b', True), ('x', False), ('[END]', True)]
        """
        # 1. Encode both sides, and leave out the pairs that cannot be scored.
        pairs = [(as_text("source", source), as_text("target", target)) for source, target in pairs]
        sources = [self.source.encode(self.lines.normalized(source)) for source, _ in pairs]
        texts = ["" if is_blank(target) else normalize_line(target, self.config.lowercase) for _, target in pairs]
        targets = [self.target.encode(text) for text in texts]
        log_p = [np.full(len(target) + 1, np.nan) for target in targets]
        lengths = [(len(source), len(target)) for source, target in zip(sources, targets, strict=True)]
        usable = [index for index, both in enumerate(lengths) if both[0] and max(both) <= MAX_SCORED]
        # 2. Score the others.
        sides = [sources[index] for index in usable], [targets[index] for index in usable]
        with blas_threads(self.threads):
            scored = token_log_probabilities(self.engine, *sides, SEARCH_TOKENS)
        for index, of_target in zip(usable, scored, strict=True):
            log_p[index] = of_target
        # 3. Name the tokens.
        names = (self.target.named([*target, tokens.END]) for target in targets)
        return [list(zip(*pair, strict=True)) for pair in zip(names, map(np.ndarray.tolist, log_p), strict=True)]


def _translated(parts: list[Part]) -> int:
    """Number of parts that are translated, not kept as they are."""
    return sum(bool(part.tokens) for part in parts)


def _blank(text: str, n_best: int) -> Translation:
    """The translation of a line without sentences, which may have a text all the same, such as emoji."""
    return Translation([Answer(text, 0.0, 0.0, [], np.zeros((0, 0), np.float32))] * n_best, [], 0)
