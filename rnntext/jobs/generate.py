"""Text drawn from a character model, and the stop texts that end it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

import numpy as np

from rnntext.run.charlm import Charlm, Predictor
from rnntext.run.sampling import Sampler
from rnntext.run.threads import blas_threads
from rnntext.settings.charlm import SamplingConfig
from rnntext.text.vocabulary import UNKNOWN

SHOWN_CHARACTERS = 200  # of a sample during a training, and at most so many lines of it
SHOWN_LINES = 5
# Many continuations are drawn in waves, whose memory is bounded: that of the model by their number, that of their texts
# by the number of characters.
MAX_WAVE = 4096
MIN_WAVE = 16
WAVE_CHARACTERS = 2**26


def fresh_seed() -> int:
    """A random seed below 2**31, which is short enough to be typed again."""
    return secrets.randbelow(2**31)


def wave_size(length: int) -> int:
    """The number of continuations of `length` characters that are drawn as one batch, at the most."""
    fitting = WAVE_CHARACTERS // max(length, 1)
    return min(max(fitting, MIN_WAVE), MAX_WAVE)


def sample(
    model: Predictor,
    prompt: Sequence[int],
    length: int,
    count: int,
    seed: int | Sequence[int],
    config: SamplingConfig,
    threads: int = 1,
) -> Iterator[np.ndarray]:
    """Yields, `length` times, the ids `[batch]` of the next character of each continuation.

    Args:
        model: the character model.
        prompt: ids; none of them stands for the beginning of a text.
        length: number of characters to draw.
        count: number of continuations, the size of the batch.
        seed: seed of the draws.
        config: temperature and filters.
        threads: number of threads of a matrix product.
    """
    sampler = Sampler(config, np.random.default_rng(seed), _never_drawn(model))
    state = model.start(count)
    with blas_threads(threads):
        logits = model.feed(state, prompt or [model.vocabulary.start])  # [batch, vocabulary]
    for index in range(length):
        drawn = sampler(logits)  # [batch]
        yield drawn
        if index + 1 < length:  # after the last draw, no more logits are needed
            with blas_threads(threads):
                logits = model.step(state, drawn)


def _never_drawn(model: Predictor) -> list[int]:
    """Ids that are not drawn: [UNK] is no character, and U+FFFD stands for invalid bytes of the training text."""
    replacement = model.vocabulary.ids.get("\ufffd")
    return [UNKNOWN] if replacement is None else [UNKNOWN, replacement]


def sample_lines(model: Charlm, seed: int) -> list[str]:
    """The first lines of a text that the model begins itself, for a training to show."""
    ids = [int(drawn[0]) for drawn in sample(model, [], SHOWN_CHARACTERS, 1, seed, SamplingConfig())]
    lines = [line for line in model.vocabulary.decode(ids).split("\n") if line.strip()]
    return [f"  > {line}" for line in lines[:SHOWN_LINES]]


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
