"""A character model in service: it continues texts and measures how well it predicts them."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from rnntext.errors import CheckpointError, DataError
from rnntext.jobs.character_engines import predictor
from rnntext.jobs.generate import Drawn, Sample, StopFilter, draw, draw_wave, fresh_seed, wave_size, why_never
from rnntext.jobs.served import Served
from rnntext.run.charlm import Predictor, shapes, surprisals
from rnntext.settings.base import as_count, as_text, as_texts, check_choice
from rnntext.settings.charlm import MAX_COUNT, ON_UNKNOWN, CharlmConfig, SamplingConfig
from rnntext.storage.checkpoint import Checkpoint
from rnntext.text.normalize import normalize
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary, named


class CharacterModel(Served):
    """A character model in service; `rnntext.load` makes it.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/charlm")  # has learnt the alphabet
    >>> "".join(model.generate("abc", length=5, seed=1))
    'defgh'

    Attributes:
        config: its architecture; of an ensemble, that of its first member.
        engine: what computes with character ids and logits: one model, or an ensemble of several.
        checkpoint: the version it came from, with its manifest and metrics; of an ensemble, its first member.
        threads: number of threads of a matrix product; None: the fastest number for one text, else 1.
    """

    def __init__(self, source: Checkpoint, threads: int | None = 1, engine: str = "numpy") -> None:
        self.checkpoint = source
        self.threads = threads
        settings = source.json("config.json")
        stored = settings.get("model") if isinstance(settings, dict) else None
        self.config = CharlmConfig.from_json(stored)
        vocabulary = CharVocabulary(source.strings("vocabulary.json"))
        if len(vocabulary) == 1:  # [UNK] alone
            raise CheckpointError(f"{source.path}: the vocabulary is empty")
        arrays = source.arrays(shapes(self.config, len(vocabulary)))
        self.engine: Predictor = predictor(engine, self.config, vocabulary, arrays, threads or 1)

    def encode(self, text: str, on_unknown: str = "error") -> list[int]:
        """The ids of the characters of a prompt, which is normalised first.

        >>> import rnntext
        >>> rnntext.load("checkpoints/charlm").encode("abc1", on_unknown="skip")
        [2, 3, 4]

        Args:
            text: the prompt.
            on_unknown: "error", or "skip" to leave out characters that are not in the vocabulary.

        Raises:
            DataError: the text has characters that are not in the vocabulary, unless they are skipped.
            UsageError: it is no text, but a list, for example.
        """
        check_choice("on_unknown", on_unknown, ON_UNKNOWN)
        vocabulary = self.engine.vocabulary
        text = normalize(as_text("prompt", text), self.config.lowercase)
        unknown = vocabulary.unknown(text)
        if unknown and on_unknown == "error":
            raise DataError(
                f"the model has never seen {named(unknown)}; leave out what it does not know with --on-unknown skip"
            )
        ids: list[int] = vocabulary.encode(text).tolist()
        return [i for i in ids if i != UNKNOWN]

    def remarks(self, prompt: str, stop: str | Sequence[str], length: int) -> list[str]:
        """What a user may not expect of a continuation, one sentence each: characters of the prompt that are left out,
        and stop texts that can never come.

        >>> import rnntext
        >>> rnntext.load("checkpoints/charlm").remarks("abc", ("g", "1"), length=5)
        ["the stop text '1' can never come: the model has never seen '1' (U+0031)"]

        Args:
            prompt, stop, length: see `generate`.
        """
        vocabulary = self.engine.vocabulary
        sentences: list[str] = []
        skipped = vocabulary.unknown(normalize(prompt, self.config.lowercase))
        if skipped:
            sentences.append(f"left out of the prompt, as the model has never seen them: {named(skipped)}")
        for text in as_texts("stop", stop):
            reason = why_never(normalize(text, self.config.lowercase), vocabulary, length)
            if reason is not None:
                sentences.append(f"the stop text {text!r} can never come: {reason}")
        return sentences

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        stop: str | Sequence[str] = (),
        keep_stop: bool = False,
        seed: int | None = None,
        on_unknown: str = "error",
        sampling: SamplingConfig | None = None,
    ) -> Iterator[str]:
        """Yields the continuation of a prompt, one character at a time.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/charlm")
        >>> greedy = rnntext.SamplingConfig(temperature=0)
        >>> "".join(model.generate("abc", length=9, stop=("g",), sampling=greedy))
        'def'

        Args:
            prompt: the beginning of the text; it is not repeated.
            length: maximum number of characters to draw.
            stop: one or more texts that end the continuation; they are not part of it.
            keep_stop: makes the stop text that has come a part of the continuation.
            seed: the same seed gives the same continuation; None: a new seed for each call.
            on_unknown: "error", or "skip" to leave out characters of the prompt that are not in the vocabulary.
            sampling: temperature and filters of the distribution that characters are drawn from.

        Raises:
            DataError: see `encode`.
        """
        request = self._request(prompt, length, stop, keep_stop, seed, on_unknown)
        return (one.character for one in draw(self.engine, *request, sampling or SamplingConfig(), self.threads))

    def draw(
        self,
        prompt: str = "",
        *,
        top: int = 0,
        length: int = 500,
        stop: str | Sequence[str] = (),
        keep_stop: bool = False,
        seed: int | None = None,
        on_unknown: str = "error",
        sampling: SamplingConfig | None = None,
    ) -> Iterator[Drawn]:
        """Yields what `generate` yields, each character with its probability.

        >>> import rnntext
        >>> (drawn,) = rnntext.load("checkpoints/charlm").draw("abc", length=1, seed=1, top=2)
        >>> drawn.character, drawn.log_probability > -0.01, drawn.likeliest[0][0], len(drawn.likeliest)
        ('d', True, 'd', 2)

        Args:
            prompt, length, stop, keep_stop, seed, on_unknown, sampling: see `generate`.
            top: number of the most likely characters that are told beside the one that is drawn.
        """
        request = self._request(prompt, length, stop, keep_stop, seed, on_unknown)
        return draw(self.engine, *request, sampling or SamplingConfig(), self.threads, as_count("top", top))

    def _request(
        self, prompt: str, length: int, stop: str | Sequence[str], keep_stop: bool, seed: int | None, on_unknown: str
    ) -> tuple[list[int], int, StopFilter, int]:
        """The ids of the prompt, the length, a filter of stop texts, normalised as the training text was, the seed."""
        ids = self.encode(prompt, on_unknown)
        stops = [normalize(text, self.config.lowercase) for text in as_texts("stop", stop)]
        seed = fresh_seed() if seed is None else as_count("seed", seed)
        return ids, as_count("length", length), StopFilter(stops, keep_stop), seed

    def generate_many(
        self,
        prompt: str = "",
        *,
        count: int,
        length: int = 500,
        stop: str | Sequence[str] = (),
        keep_stop: bool = False,
        seed: int | None = None,
        on_unknown: str = "error",
        sampling: SamplingConfig | None = None,
    ) -> list[str]:
        """Independent continuations of one prompt, drawn as one batch, or several if they are thousands.

        >>> import rnntext
        >>> rnntext.load("checkpoints/charlm").generate_many("abc", count=2, length=5, seed=1)
        ['defgh', 'defgh']

        Args:
            prompt, length, stop, keep_stop, seed, on_unknown, sampling: see `generate`.
            count: number of continuations.

        Raises:
            DataError: see `encode`.
            UsageError: there are more than MAX_COUNT.
        """
        samples = self.samples(prompt, count, length, stop, keep_stop, seed, on_unknown, sampling)
        return [sample.text for sample in samples]

    def samples(
        self,
        prompt: str,
        count: int,
        length: int,
        stop: str | Sequence[str],
        keep_stop: bool,
        seed: int | None,
        on_unknown: str,
        sampling: SamplingConfig | None,
        top: int | None = None,
    ) -> Iterator[Sample]:
        """Yields the continuations of `generate_many` as they are ready, and with `top` what `draw` says of their
        characters. They are drawn in waves, which bound the memory.

        Raises:
            DataError: see `encode`.
            UsageError: there are more than MAX_COUNT.
        """
        count = as_count("count", count, high=MAX_COUNT)
        ids, length, stopper, first_seed = self._request(prompt, length, stop, keep_stop, seed, on_unknown)
        rows = wave_size(length, top)

        def wave(number: int) -> Iterator[Sample]:
            filters = [copy.copy(stopper) for _ in range(min(rows, count - number * rows))]
            seeds = [first_seed, number] if number else first_seed
            return draw_wave(self.engine, ids, filters, length, seeds, sampling or SamplingConfig(), self.threads, top)

        return itertools.chain.from_iterable(map(wave, range(math.ceil(count / rows))))

    def score(self, text: str, adapt: bool = False) -> tuple[float, int]:
        """The information content of a text in bits, and its number of characters after normalisation; the quotient
        of the two is the bits per character.

        >>> import rnntext
        >>> bits, characters = rnntext.load("checkpoints/charlm").score("abcdef")
        >>> characters, bits / characters < 1
        (6, True)

        Characters that are not in the vocabulary cost what `run.charlm.Predictor.bits` says. With `adapt`, weights of
        its own learn from each character after it has been predicted (see `run.adaptation`).
        """
        return self.score_pieces([as_text("text", text)], adapt)

    def score_pieces(self, pieces: Iterable[str], adapt: bool = False) -> tuple[float, int]:
        """`score` of a text in pieces, as `text.lines.read_pieces` gives them; no more than one is kept in memory."""
        sums: list[float] = []
        characters = 0
        for bits in self._surprisals(self._normalized(pieces), adapt):
            sums.append(bits.sum())
            characters += len(bits)
        return math.fsum(sums), characters

    def surprisal(self, text: str, adapt: bool = False) -> np.ndarray:
        """The information content of each character of a text after normalisation, in bits, `[characters]`; `score` is
        their sum.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/charlm")
        >>> [bits > 5 for bits in model.surprisal("abcxyz")[1:].tolist()]
        [False, False, True, False, False]
        """
        return np.concatenate([np.empty(0), *self._surprisals(self._normalized([as_text("text", text)]), adapt)])

    def surprisal_of_pieces(self, pieces: Iterable[str], adapt: bool = False) -> Iterator[tuple[str, float]]:
        """Yields each character of a text in pieces, after normalisation, with its information content in bits."""
        texts, copies = itertools.tee(self._normalized(pieces))
        bits = (of_piece.tolist() for of_piece in self._surprisals(copies, adapt))
        return zip(itertools.chain.from_iterable(texts), itertools.chain.from_iterable(bits), strict=True)

    def _surprisals(self, texts: Iterable[str], adapt: bool) -> Iterator[np.ndarray]:
        """Yields the information content of each character in bits, `[time]` of one part of the text after another."""
        pieces = map(self.engine.vocabulary.encode, texts)
        return self._walk(pieces)[1] if adapt else surprisals(self.engine, pieces, self.threads or 1)

    def adapted(self, text: str) -> CharacterModel:
        """A model that has learnt from a text (see `run.adaptation`). It is not stored, and this one stays as it is.

        >>> import rnntext
        >>> model = rnntext.load("checkpoints/charlm")
        >>> text = "acegikmoqsuwy" * 50
        >>> model.adapted(text).score(text)[0] < model.score(text)[0]
        True
        """
        return self.adapted_to_pieces([as_text("text", text)])[0]

    def adapted_to_pieces(self, pieces: Iterable[str]) -> tuple[CharacterModel, int]:
        """`adapted` to a text in pieces, as `score_pieces` reads them, and the number of its characters."""
        adaptation, surprisals = self._walk(map(self.engine.vocabulary.encode, self._normalized(pieces)))
        characters = sum(len(bits) for bits in surprisals)
        model = self.copied()
        model.engine = adaptation.model()
        return model, characters

    def _walk(self, pieces: Iterable[np.ndarray]) -> tuple[Any, Iterator[np.ndarray]]:
        """See `run.adaptation.walk`."""
        from rnntext.run.adaptation import adaptation_of, walk  # only here, as hardly anybody needs it

        adaptation = adaptation_of(self.engine)
        return adaptation, walk(self.engine, adaptation, pieces, self.threads or 1)

    def _normalized(self, pieces: Iterable[str]) -> Iterator[str]:
        return (normalize(piece, self.config.lowercase) for piece in pieces)
