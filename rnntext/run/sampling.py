"""How the next character is chosen: pure functions on logits `[batch, vocabulary]`, in natural logarithms.

What may not be drawn has the logit -inf. Order of the steps, as is usual: repetition penalty, temperature, top-k,
top-p, min-p, draw.
"""

from __future__ import annotations

import numpy as np

from rnntext.config import SamplingConfig

Array = np.ndarray
TINY = np.finfo(np.float32).tiny
COLD = 1e-6  # temperatures below are zero: dividing by them would leave float32
RECENT = 32  # characters that the repetition penalty looks back on


def penalize_repetition(logits: Array, recent: Array, penalty: float) -> Array:
    """Makes ids that occurred lately less likely: positive logits are divided by `penalty`, negative ones multiplied
    (Keskar et al. 2019, "CTRL", section 4.1).

    Args:
        recent: `[batch, RECENT]`, ids; -1 where there are fewer.
    """
    rows, columns = np.nonzero(recent >= 0)
    at = (rows, recent[rows, columns])
    seen = logits[at]
    logits[at] = np.where(seen > 0, seen / penalty, seen * penalty)
    return logits


def keep_top_k(logits: Array, k: int) -> Array:
    """Keeps the k most likely ids (Fan, Lewis, Dauphin 2018)."""
    if k < logits.shape[-1]:
        least = np.partition(logits, -k, axis=-1)[:, -k, None]
        logits[logits < least] = -np.inf
    return logits


def keep_top_p(logits: Array, p: float) -> Array:
    """Keeps the smallest set of likeliest ids whose probabilities reach p (nucleus sampling, Holtzman et al. 2020)."""
    order = np.argsort(-logits, axis=-1, kind="stable")
    probabilities = np.take_along_axis(_softmax(logits), order, axis=-1)
    before = np.cumsum(probabilities, axis=-1) - probabilities  # mass of what is more likely
    dropped = np.empty(logits.shape, bool)
    np.put_along_axis(dropped, order, before >= p, axis=-1)
    logits[dropped] = -np.inf
    return logits


def keep_min_p(logits: Array, p: float) -> Array:
    """Keeps ids at least p times as likely as the likeliest one (Nguyen et al. 2024)."""
    logits[logits < logits.max(axis=-1, keepdims=True) + np.float32(np.log(p))] = -np.inf
    return logits


def _softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


class Sampler:
    """Draws the next ids of a batch of texts.

    Args:
        config: what to keep and how sharply.
        generator: the source of chance; the same seed and batch give the same draws.
        forbidden: ids never to be drawn.
    """

    def __init__(self, config: SamplingConfig, generator: np.random.Generator, forbidden: int | list[int]) -> None:
        self.config, self.generator, self.forbidden = config, generator, forbidden
        self._noise = np.empty((0, 0), np.float32)
        self._recent: Array | None = None

    def __call__(self, logits: Array) -> Array:
        """Ids `[batch]` drawn from logits `[batch, vocabulary]`, which are overwritten."""
        config = self.config
        logits[:, self.forbidden] = -np.inf
        if config.repetition_penalty != 1.0:
            penalize_repetition(logits, self._history(len(logits)), config.repetition_penalty)
        if config.temperature < COLD:
            return self._remember(logits.argmax(axis=-1))
        if config.temperature != 1.0:
            logits *= np.float32(1.0 / config.temperature)
        if config.top_k is not None:
            keep_top_k(logits, config.top_k)
        if config.top_p is not None:
            keep_top_p(logits, config.top_p)
        if config.min_p is not None:
            keep_min_p(logits, config.min_p)
        return self._remember(self._draw(logits))

    def _draw(self, logits: Array) -> Array:
        """The Gumbel-max trick: argmax(logits + Gumbel noise) is distributed as softmax(logits); the noise is minus the
        logarithm of an exponential variable. No normalisation, no cumulated sum."""
        if self._noise.shape != logits.shape:
            self._noise = np.empty(logits.shape, np.float32)
        self.generator.standard_exponential(dtype=np.float32, out=self._noise)
        np.maximum(self._noise, TINY, out=self._noise)  # a zero would make what is forbidden certain
        np.log(self._noise, out=self._noise)
        logits -= self._noise
        return np.asarray(logits.argmax(axis=-1))

    def _history(self, batch: int) -> Array:
        if self._recent is None:
            self._recent = np.full((batch, RECENT), -1)
        return self._recent

    def _remember(self, ids: Array) -> Array:
        if self._recent is not None:
            self._recent[:, :-1] = self._recent[:, 1:]
            self._recent[:, -1] = ids
        return ids
