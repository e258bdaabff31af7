"""Drawing text from a character model."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

import numpy as np

from rnntext.config import SamplingConfig
from rnntext.run.charlm import Charlm
from rnntext.run.sampling import Sampler
from rnntext.run.threads import blas_threads
from rnntext.text.vocabulary import UNKNOWN


def fresh_seed() -> int:
    """A seed that nobody chose, short enough to be typed again."""
    return secrets.randbelow(2**31)


def sample(
    model: Charlm, prompt: Sequence[int], length: int, count: int, seed: int, config: SamplingConfig, threads: int = 1
) -> Iterator[np.ndarray]:
    """Yields ids `[count]`, `length` times: the next character of each of `count` continuations.

    An empty prompt stands for the beginning of a text. `[UNK]` is never drawn, nor is U+FFFD, which stands for it.
    """
    sampler = Sampler(config, np.random.default_rng(seed), _never_drawn(model))
    state = model.start(count)
    with blas_threads(threads):
        logits = model.feed(state, prompt or [model.vocabulary.start])
    for index in range(length):
        drawn = sampler(logits)
        yield drawn
        if index + 1 < length:
            with blas_threads(threads):
                logits = model.step(state, drawn)


def _never_drawn(model: Charlm) -> list[int]:
    replacement = model.vocabulary.ids.get("\ufffd")
    return [UNKNOWN] if replacement is None else [UNKNOWN, replacement]


class StopFilter:
    """Lets characters through until one of the stop texts is complete; what may be the beginning of one waits.

    Attributes:
        done: a stop text came; nothing passes any more.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = [stop for stop in stops if stop]
        self.done = False
        self._held = ""

    def push(self, character: str) -> str:
        """Takes the next character; returns what can be shown now."""
        if self.done:
            return ""
        if not self.stops:
            return character
        self._held += character
        if any(self._held.endswith(stop) for stop in self.stops):
            self.done = True
            stop = max((s for s in self.stops if self._held.endswith(s)), key=len)
            return self._held[: -len(stop)]
        waiting = max(self._overlap(stop) for stop in self.stops)
        shown, self._held = self._held[: len(self._held) - waiting], self._held[len(self._held) - waiting :]
        return shown

    def rest(self) -> str:
        """What still waited when the text ended."""
        return "" if self.done else self._held

    def _overlap(self, stop: str) -> int:
        """Length of the longest end of what is held that is a beginning of `stop`."""
        most = min(len(stop) - 1, len(self._held))
        return next((n for n in range(most, 0, -1) if self._held.endswith(stop[:n])), 0)
