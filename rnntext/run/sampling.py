"""How the next character is chosen: functions of logits `[batch, vocabulary]`, in natural logarithms.

What must not be drawn has the logit -inf. The steps have their usual order: repetition penalty, temperature, top-k,
top-p, min-p, draw.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, empty
from rnntext.settings.charlm import SamplingConfig

MIN_NOISE = np.finfo(np.float32).tiny
MIN_TEMPERATURE = 1e-6  # Lower ones count as zero: logits divided by them would leave the range of float32.
REMEMBERED = 32  # characters that the repetition penalty looks back on


def penalize_repetition(logits: Array, recent: Array, penalty: float) -> Array:
    """Makes ids that occurred lately less likely: positive logits are divided by `penalty`, negative ones multiplied
    (Keskar et al. 2019, "CTRL", section 4.1).

    Args:
        logits: `[batch, vocabulary]`; overwritten and returned.
        recent: the last ids, `[batch, REMEMBERED]`; -1 where there are fewer.
    """
    there = recent >= 0
    rows, columns = np.nonzero(there)
    ids = recent[rows, columns]
    occurred = logits[rows, ids]
    divided = occurred / penalty
    multiplied = occurred * penalty
    positive = occurred > 0
    penalized = np.where(positive, divided, multiplied)
    logits[rows, ids] = penalized
    return logits


def keep_top_k(logits: Array, k: int) -> Array:
    """Keeps the k most likely ids (Fan, Lewis, Dauphin 2018); `logits` are overwritten and returned."""
    vocabulary = logits.shape[-1]
    if k < vocabulary:
        partitioned = np.partition(logits, -k, axis=-1)
        lowest_kept = partitioned[:, -k, None]  # [batch, 1]
        dropped = logits < lowest_kept
        logits[dropped] = -np.inf
    return logits


def keep_top_p(logits: Array, p: float) -> Array:
    """Keeps the smallest set of most likely ids whose probabilities add up to p or more (nucleus sampling, Holtzman et
    al. 2020, section 3.1); `logits` are overwritten and returned."""
    negative = -logits
    order = np.argsort(negative, axis=-1, kind="stable")  # the most likely first
    probabilities = _softmax(logits)
    probabilities = np.take_along_axis(probabilities, order, axis=-1)
    reached = np.cumsum(probabilities, axis=-1)
    before = reached - probabilities  # probability of all that is more likely
    superfluous = before >= p  # in the same order
    dropped = np.empty(logits.shape, bool)
    np.put_along_axis(dropped, order, superfluous, axis=-1)
    logits[dropped] = -np.inf
    return logits


def keep_min_p(logits: Array, p: float) -> Array:
    """Keeps ids at least p times as likely as the most likely one (Nguyen et al. 2024); `logits` are overwritten and
    returned."""
    highest = logits.max(axis=-1, keepdims=True)  # [batch, 1]
    log_p = np.float32(np.log(p))
    lowest_kept = highest + log_p
    dropped = logits < lowest_kept
    logits[dropped] = -np.inf
    return logits


def _softmax(logits: Array) -> Array:
    """exp(logits) / sum(exp(logits)), `[batch, vocabulary]`."""
    highest = logits.max(axis=-1, keepdims=True)  # [batch, 1]
    shifted = logits - highest  # so that no exponential overflows
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=-1, keepdims=True)  # [batch, 1]
    return np.asarray(exponentials / total)


class Sampler:
    """Draws the next ids of a batch of texts.

    Args:
        config: what to keep and how sharply.
        generator: of random numbers; the same seed and batch give the same draws.
        forbidden: ids that are never drawn.
    """

    def __init__(
        self,
        config: SamplingConfig,
        generator: np.random.Generator,
        forbidden: int | list[int],
    ) -> None:
        self.config = config
        self.generator = generator
        self.forbidden = forbidden
        self._noise = empty(0, 0)
        self._recent: Array | None = None  # [batch, REMEMBERED], if there is a repetition penalty

    def __call__(self, logits: Array) -> Array:
        """Draws ids `[batch]`; the logits `[batch, vocabulary]` are overwritten."""
        # 1. Change the logits.
        config = self.config
        logits[:, self.forbidden] = -np.inf
        if config.repetition_penalty != 1.0:
            recent = self._history(len(logits))
            penalize_repetition(logits, recent, config.repetition_penalty)
        if config.temperature < MIN_TEMPERATURE:
            most_likely = logits.argmax(axis=-1)
            return self._remember(most_likely)
        if config.temperature != 1.0:
            factor = 1.0 / config.temperature
            logits *= np.float32(factor)

        # 2. Drop unlikely ids.
        if config.top_k is not None:
            keep_top_k(logits, config.top_k)
        if config.top_p is not None:
            keep_top_p(logits, config.top_p)
        if config.min_p is not None:
            keep_min_p(logits, config.min_p)

        # 3. Draw.
        drawn = self._draw(logits)
        return self._remember(drawn)

    def _draw(self, logits: Array) -> Array:
        """Ids `[batch]`, drawn with the probabilities softmax(logits) by the Gumbel-max trick.

        argmax(logits + Gumbel noise) is distributed as softmax(logits), without any normalisation or cumulated sum.
        Gumbel noise is -log(e) with e exponentially distributed.
        """
        if self._noise.shape != logits.shape:
            self._noise = empty(*logits.shape)
        noise = self._noise
        self.generator.standard_exponential(dtype=np.float32, out=noise)
        # With log(0) a dropped logit would become -inf + inf = NaN, which argmax takes for the maximum.
        np.maximum(noise, MIN_NOISE, out=noise)
        np.log(noise, out=noise)
        logits -= noise
        drawn = logits.argmax(axis=-1)
        return np.asarray(drawn)

    def _history(self, batch: int) -> Array:
        """The last ids of each text, `[batch, REMEMBERED]`; -1 where there are fewer."""
        if self._recent is None:
            self._recent = np.full((batch, REMEMBERED), -1)
        return self._recent

    def _remember(self, ids: Array) -> Array:
        """The same ids, `[batch]`, now part of the history, if there is one."""
        recent = self._recent
        if recent is not None:
            later = recent[:, 1:]
            recent[:, :-1] = later
            recent[:, -1] = ids
        return ids
