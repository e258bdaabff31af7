"""A character model in service: it continues texts and measures how well it predicts them."""

from __future__ import annotations

import copy
import io
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from rnntext.errors import CheckpointError, DataError
from rnntext.jobs.generate import StopFilter, fresh_seed, sample, wave_size
from rnntext.run.charlm import OVERLAP, Charlm, Predictor, shapes
from rnntext.run.threads import blas_threads
from rnntext.settings.base import as_count, as_text, as_texts, check_choice
from rnntext.settings.charlm import MAX_COUNT, ON_UNKNOWN, CharlmConfig, SamplingConfig
from rnntext.storage.checkpoint import Checkpoint
from rnntext.text.normalize import normalize
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary, named


class CharacterModel:
    """A character model in service; `rnntext.load` makes it.

    >>> import rnntext
    >>> model = rnntext.load("checkpoints/charlm")  # has learnt the alphabet
    >>> "".join(model.generate("abc", length=5, seed=1))
    'defgh'

    Attributes:
        config: its architecture; of an ensemble, that of its first member.
        engine: the NumPy model, or an ensemble of them, which computes with character ids and logits.
        checkpoint: the version it came from, with its manifest and metrics; of an ensemble, its first member.
        threads: number of threads of a matrix product.
    """

    def __init__(self, source: Checkpoint, threads: int = 1) -> None:
        self.checkpoint = source
        self.threads = threads
        settings = source.json("config.json")
        stored = settings.get("model") if isinstance(settings, dict) else None
        self.config = CharlmConfig.from_json(stored)
        vocabulary = CharVocabulary(source.strings("vocabulary.json"))
        if len(vocabulary) == 1:  # [UNK] alone
            raise CheckpointError(f"{source.path}: the vocabulary is empty")
        arrays = source.arrays(shapes(self.config, len(vocabulary)))
        self.engine: Predictor = Charlm(self.config, vocabulary, arrays)

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
        lowercase = self.config.lowercase
        sentences: list[str] = []
        skipped = vocabulary.unknown(normalize(prompt, lowercase))
        if skipped:
            sentences.append(f"left out of the prompt, as the model has never seen them: {named(skipped)}")
        for text in as_texts("stop", stop):
            normalized = normalize(text, lowercase)
            unknown = vocabulary.unknown(normalized)
            reason = None
            if unknown:
                shell = "; a shell makes a line break of $'\\n'" if "\\n" in text else ""
                reason = f"the model has never seen {named(unknown)}{shell}"
            elif not normalized:
                reason = "it is empty"
            elif "\ufffd" in normalized:
                reason = "U+FFFD is never drawn"
            elif len(normalized) > length:
                reason = f"it is longer than the {length} characters to be drawn"
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
        ids = self.encode(prompt, on_unknown)
        seed = fresh_seed() if seed is None else as_count("seed", seed)
        length = as_count("length", length)
        stopper = StopFilter(self._stop_texts(stop), keep_stop)
        return self._generate(ids, length, stopper, seed, sampling or SamplingConfig())

    def _stop_texts(self, stop: str | Sequence[str]) -> list[str]:
        """Stop texts, normalised as the training text was."""
        return [normalize(text, self.config.lowercase) for text in as_texts("stop", stop)]

    def _generate(
        self, ids: list[int], length: int, stop: StopFilter, seed: int, sampling: SamplingConfig
    ) -> Iterator[str]:
        """The generator of `generate`, whose arguments are checked before the first character is asked for."""
        characters = self.engine.vocabulary.characters
        for drawn in sample(self.engine, ids, length, 1, seed, sampling, self.threads):
            character = characters[drawn[0] - 1]  # id 0 is [UNK]
            yield from stop.push(character)
            if stop.done:
                return
        yield from stop.rest()

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
        return list(self.samples(prompt, count, length, stop, keep_stop, seed, on_unknown, sampling))

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
    ) -> Iterator[str]:
        """Yields the continuations of `generate_many` as they are ready: they are drawn in waves, which bound the
        memory.

        Raises:
            DataError: see `encode`.
            UsageError: there are more than MAX_COUNT.
        """
        count = as_count("--count", count, high=MAX_COUNT)
        ids = self.encode(prompt, on_unknown)
        seed = fresh_seed() if seed is None else as_count("seed", seed)
        stops = self._stop_texts(stop)
        rows = wave_size(as_count("length", length))

        def wave(number: int) -> Iterator[str]:
            filters = [StopFilter(stops, keep_stop) for _ in range(min(rows, count - number * rows))]
            seeds = [seed, number] if number else seed
            return self._wave(ids, filters, length, seeds, sampling or SamplingConfig())

        return itertools.chain.from_iterable(map(wave, range(math.ceil(count / rows))))

    def _wave(
        self, ids: list[int], filters: list[StopFilter], length: int, seed: int | list[int], sampling: SamplingConfig
    ) -> Iterator[str]:
        """Yields continuations that are drawn as one batch, each with its filter."""
        # 1. Draw one character of each continuation at a time, until all have met a stop text.
        characters = self.engine.vocabulary.characters
        count = len(filters)
        texts = [io.StringIO() for _ in range(count)]
        for drawn in sample(self.engine, ids, length, count, seed, sampling, self.threads):
            for text, stopper, index in zip(texts, filters, drawn.tolist(), strict=True):
                character = characters[index - 1]  # id 0 is [UNK]
                text.write(stopper.push(character))
            if all(stopper.done for stopper in filters):
                break
        # 2. Add what the filters have held back.
        for text, stopper in zip(texts, filters, strict=True):
            text.write(stopper.rest())
            yield text.getvalue()

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
        if adapt:
            return self._adapted(pieces)[1:]
        bits: list[float] = []
        characters = 0
        context = np.empty(0, np.int32)
        for ids in self._ids(pieces):
            with blas_threads(self.threads):
                bits.append(self.engine.score(ids, context))
            characters += len(ids)
            context = np.concatenate([context, ids])[-OVERLAP:]
        return math.fsum(bits), characters

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
        adaptation, _, characters = self._adapted(pieces)
        model = copy.copy(self)
        model.engine = adaptation.model()
        return model, characters

    def _adapted(self, pieces: Iterable[str]) -> tuple[Any, float, int]:
        """See `run.adaptation.adapted`."""
        from rnntext.run.adaptation import adapted  # only here, as hardly anybody needs it

        with blas_threads(self.threads):
            return adapted(self.engine, self._ids(pieces))

    def _ids(self, pieces: Iterable[str]) -> Iterator[np.ndarray]:
        """Yields the ids of each piece of a text, `[time]`, normalised."""
        for piece in pieces:
            text = normalize(piece, self.config.lowercase)
            yield self.engine.vocabulary.encode(text)
