"""Text drawn from a character model, and the stop texts that end it."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rnntext.run.arrays import Array
from rnntext.run.charlm import Charlm, Predictor
from rnntext.run.logits import log_sum_exp
from rnntext.run.sampling import Sampler
from rnntext.run.threads import FastestThreads, blas_threads
from rnntext.settings.charlm import SamplingConfig
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary, named
from rnntext.words import counted

SHOWN_CHARACTERS = 200  # of a sample during a training, and at most so many lines of it
SHOWN_LINES = 5
# Many continuations are drawn in waves, whose memory is bounded: that of the model by their number, that of their texts
# by the number of characters.
MAX_WAVE = 4096
MIN_WAVE = 16
WAVE_CHARACTERS = 2**26


class Drawn(NamedTuple):
    """A character that was drawn, and what the model thought of it.

    Probabilities are the model's own: those at temperature 1, before filters and penalties.

    Attributes:
        character: that was drawn.
        log_probability: natural logarithm of its probability; nan if it was not asked for.
        likeliest: the most likely characters with their log-probabilities, the most likely one first.
    """

    character: str
    log_probability: float
    likeliest: list[tuple[str, float]]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A continuation.

    Attributes:
        text: of it.
        drawn: its characters, if their probabilities were asked for.
    """

    text: str
    drawn: list[Drawn] | None = None


class Draw(NamedTuple):  # a dataclass takes several times as long to make, for each character
    """The next character of each of several texts.

    Attributes:
        ids: `[batch]`.
        log_p: natural logarithms of their probabilities (see `Drawn`), `[batch]`; None if they were not asked for.
        top_ids: the most likely ids, `[batch, top]`, or None.
        top_log_p: natural logarithms of their probabilities, `[batch, top]`, or None.
    """

    ids: Array
    log_p: Array | None = None
    top_ids: Array | None = None
    top_log_p: Array | None = None

    def drawn(self, row: int, characters: Sequence[str]) -> Drawn:
        """The character of one text, of those of a vocabulary without `[UNK]`."""
        if self.log_p is None or self.top_ids is None or self.top_log_p is None:
            return Drawn(characters[self.ids[row] - 1], math.nan, [])
        top = zip(self.top_ids[row].tolist(), self.top_log_p[row].tolist(), strict=True)
        likeliest = [(characters[index - 1], log_p) for index, log_p in top]
        return Drawn(characters[self.ids[row] - 1], float(self.log_p[row]), likeliest)


def fresh_seed() -> int:
    """A random seed below 2**31, which is short enough to be typed again."""
    return secrets.randbelow(2**31)


def wave_size(length: int, top: int | None = None) -> int:
    """The number of continuations of `length` characters that are drawn as one batch, at the most.

    Args:
        top: number of the most likely characters that are kept beside each; None: nothing of probabilities.
    """
    kept = 1 if top is None else 16 * (top + 1)  # ids and probabilities, in characters
    fitting = WAVE_CHARACTERS // max(kept * length, 1)
    return min(max(fitting, MIN_WAVE), MAX_WAVE)


def sample(
    model: Predictor,
    prompt: Sequence[int],
    length: int,
    count: int,
    seed: int | Sequence[int],
    config: SamplingConfig,
    threads: int | None = 1,
    top: int | None = None,
) -> Iterator[Draw]:
    """Yields, `length` times, the next character of each continuation.

    Args:
        model: the character model.
        prompt: ids; none of them stands for the beginning of a text.
        length: number of characters to draw.
        count: number of continuations, the size of the batch.
        seed: seed of the draws.
        config: temperature and filters.
        threads: number of threads of a matrix product; None: the fastest number for one continuation, else 1.
        top: number of the most likely characters to tell beside the drawn one; None: nothing of probabilities.
    """
    never = never_drawn(model)
    sampler = Sampler(config, np.random.default_rng(seed), never)
    state = model.start(count)
    with blas_threads(threads or 1):
        logits = model.feed(state, prompt or [model.vocabulary.start])  # [batch, vocabulary]
    fastest = FastestThreads(model.max_threads if count == 1 else 1)
    threads_of_step = fastest.step if threads is None else functools.partial(blas_threads, threads)
    for index in range(length):
        log_p = None if top is None else logits - log_sum_exp(logits)  # the sampler overwrites the logits
        ids = sampler(logits)  # [batch]
        yield Draw(ids) if log_p is None else _with_likeliest(ids, log_p, top or 0, never)
        if index + 1 < length:  # after the last draw, no more logits are needed
            with threads_of_step():
                logits = model.step(state, ids)


def _with_likeliest(ids: Array, log_p: Array, top: int, never: list[int]) -> Draw:
    """What was drawn, with its probabilities.

    Args:
        ids: `[batch]`.
        log_p: of all characters, `[batch, vocabulary]`; overwritten.
        top: number of the most likely characters.
        never: ids that are not drawn, and are not among these.
    """
    of_drawn = log_p[np.arange(len(ids)), ids]  # [batch]
    log_p[:, never] = -np.inf
    count = min(top, log_p.shape[1] - len(never))
    order = np.argsort(-log_p, axis=1, kind="stable")[:, :count]  # [batch, count]
    return Draw(ids, of_drawn, order, np.take_along_axis(log_p, order, axis=1))


def never_drawn(model: Predictor) -> list[int]:
    """Ids that are not drawn: [UNK] is no character, and U+FFFD stands for invalid bytes of the training text."""
    replacement = model.vocabulary.ids.get("\ufffd")
    return [UNKNOWN] if replacement is None else [UNKNOWN, replacement]


def sample_lines(model: Charlm, seed: int) -> list[str]:
    """The first lines of a text that the model begins itself, for a training to show."""
    ids = [int(draw.ids[0]) for draw in sample(model, [], SHOWN_CHARACTERS, 1, seed, SamplingConfig())]
    lines = [line for line in model.vocabulary.decode(ids).split("\n") if line.strip()]
    return [f"  > {line}" for line in lines[:SHOWN_LINES]]


def draw(
    model: Predictor,
    prompt: Sequence[int],
    length: int,
    stop: StopFilter,
    seed: int,
    config: SamplingConfig,
    threads: int | None = 1,
    top: int | None = None,
) -> Iterator[Drawn]:
    """Yields the characters of one continuation, each as soon as the filter lets it pass; for the rest see `sample`."""
    characters = model.vocabulary.characters
    held: deque[Drawn] = deque()
    for one in sample(model, prompt, length, 1, seed, config, threads, top):
        drawn = one.drawn(0, characters)
        held.append(drawn)
        for _ in stop.push(drawn.character):
            yield held.popleft()
        if stop.done:
            return
    for _ in stop.rest():
        yield held.popleft()


def draw_wave(
    model: Predictor,
    prompt: Sequence[int],
    filters: Sequence[StopFilter],
    length: int,
    seed: int | Sequence[int],
    config: SamplingConfig,
    threads: int | None = 1,
    top: int | None = None,
) -> Iterator[Sample]:
    """Yields continuations that are drawn as one batch, each with its filter; for the rest see `sample`."""
    # 1. Draw one character of each continuation at a time, until all have met a stop text.
    characters = model.vocabulary.characters
    texts = [io.StringIO() for _ in filters]
    draws: list[Draw] = []
    for one in sample(model, prompt, length, len(filters), seed, config, threads, top):
        if top is not None:
            draws.append(one)
        for text, stopper, index in zip(texts, filters, one.ids.tolist(), strict=True):
            character = characters[index - 1]  # id 0 is [UNK]
            text.write(stopper.push(character))
        if all(stopper.done for stopper in filters):
            break
    # 2. Add what the filters have held back. What passes a filter is the beginning of what was drawn.
    for row, (text, stopper) in enumerate(zip(texts, filters, strict=True)):
        text.write(stopper.rest())
        whole = text.getvalue()
        drawn = None if top is None else [one.drawn(row, characters) for one in draws[: len(whole)]]
        yield Sample(whole, drawn)


class StopFilter:
    """Passes characters on until one of the stop texts is complete, and holds back the beginning of one.

    Args:
        stops: the stop texts.
        keep: whether the stop text that has come passes, too.

    Attributes:
        done: whether a stop text has come; nothing passes any more.
    """

    def __init__(self, stops: Sequence[str], keep: bool = False) -> None:
        self.stops = [stop for stop in stops if stop]
        self.keep = keep
        self.done = False
        self._held = ""

    def push(self, character: str) -> str:
        """Takes the next character; returns the text that can be shown now."""
        if self.done:
            return ""
        if not self.stops:
            return character
        self._held += character
        complete = [stop for stop in self.stops if self._held.endswith(stop)]
        if complete:
            self.done = True
            if self.keep:
                return self._held
            longest = max(len(stop) for stop in complete)
            return self._held[:-longest]
        overlap = max(self._overlap(stop) for stop in self.stops)
        end = len(self._held) - overlap
        shown = self._held[:end]
        self._held = self._held[end:]
        return shown

    def rest(self) -> str:
        """The text that is still held back when the draws have ended."""
        return "" if self.done else self._held

    def _overlap(self, stop: str) -> int:
        """Length of the longest suffix of the held text that is a proper prefix of `stop`."""
        limit = min(len(stop) - 1, len(self._held))
        for length in range(limit, 0, -1):
            if self._held.endswith(stop[:length]):
                return length
        return 0


def why_never(stop: str, vocabulary: CharVocabulary, length: int) -> str | None:
    """Why a stop text can never come, if so.

    Args:
        stop: normalised as the training text was.
        vocabulary: of the model.
        length: maximum number of characters to draw.
    """
    unknown = vocabulary.unknown(stop)
    if unknown:
        shell = "; a shell makes a line break of $'\\n'" if "\\n" in stop else ""
        return f"the model has never seen {named(unknown)}{shell}"
    if not stop:
        return "it is empty"
    if "\ufffd" in stop:
        return "U+FFFD is never drawn"
    return f"it is longer than the {counted(length, 'character')} to be drawn" if len(stop) > length else None
