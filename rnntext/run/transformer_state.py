"""What a Transformer's decoder remembers from token to token."""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, beside, empty
from rnntext.run.attention import rows_of, take_in_place

FIRST_CACHE = 32  # tokens that a new cache has room for; the room is doubled whenever it does not suffice


class Sources:
    """What a decoder knows of the sources.

    Attributes:
        memory: of each layer, keys and values of the source, each `[batch, heads, source, width]`.
        mask: 0, or -inf behind the end of a source, `[batch, 1, 1, source]`.
    """

    def __init__(self, memory: list[tuple[Array, Array]], mask: Array) -> None:
        self.memory = memory
        self.mask = mask

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        self.mask = take_in_place(self.mask, sentences)
        for layer, (keys, values) in enumerate(self.memory):
            keys = take_in_place(keys, sentences)
            values = take_in_place(values, sentences)
            self.memory[layer] = (keys, values)


class State:
    """The decoder's memory of a batch of sentences and of the hypotheses for each (see `run.model.State`).

    Keys and values of the tokens so far are kept in caches, so that a step computes them for one token only. In a cache
    `[rows, tokens, 2, heads, width]` all that belongs to a token of a hypothesis lies together, as it is copied
    together.

    Attributes:
        sources: what it knows of them.
        caches: of each layer, keys and values of the tokens so far, `[rows, tokens, 2, heads, width]`.
        ids: the tokens so far, `[rows, tokens]`.
        weights: of the last step's attention to the source in the alignment layer,
            `[batch, heads, hypotheses, source]`.
    """

    def __init__(self, sources: Sources) -> None:
        keys, _ = sources.memory[0]
        batch, heads, source, width = keys.shape
        self.sources = sources
        self.caches = [empty(batch, FIRST_CACHE, 2, heads, width) for _ in sources.memory]
        self.ids = np.empty((batch, 0), np.int64)
        self.weights = empty(0, heads, 1, source)

    @property
    def length(self) -> int:
        """The number of tokens so far."""
        return self.ids.shape[1]

    @property
    def attention(self) -> Array:
        """How the last step looked at the source, `[rows, source]`: the mean over the heads of the alignment layer."""
        source = self.weights.shape[-1]
        mean = self.weights.mean(axis=1)  # [batch, hypotheses, source]
        rows = mean.reshape(-1, source)
        return np.asarray(rows)

    def reorder(self, rows: Array) -> None:
        """Makes row r go on with what row rows[r], of the same sentence, has read."""
        ids = self.ids[rows]
        if len(rows) > len(self.ids):
            self.caches = [cache[rows] for cache in self.caches]
        else:
            # Equal beginnings have given equal keys and values, so only what follows the first difference is copied.
            differs = ids != self.ids  # [rows, tokens]
            differs = np.logical_or.accumulate(differs, axis=1)
            row, token = np.nonzero(differs)
            origin = rows[row]
            for cache in self.caches:
                cache[row, token] = cache[origin, token]
        self.ids = ids

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        rows = len(self.ids)
        batch = len(self.sources.mask)
        kept = rows_of(sentences, rows, batch)
        count = len(kept)
        for layer, cache in enumerate(self.caches):
            filled = cache[:, : self.length]  # a view
            take_in_place(filled, kept)
            self.caches[layer] = cache[:count]
        self.ids = self.ids[kept]
        self.sources.keep(sentences)

    def add_tokens(self, ids: Array) -> None:
        """Adds the token that each hypothesis is about to read.

        Args:
            ids: `[rows]`.
        """
        last = ids[:, None]  # [rows, 1]
        self.ids = beside(self.ids, last)  # [rows, tokens]

    def append(self, layer: int, keys_and_values: Array) -> tuple[Array, Array]:
        """Adds the key and the value of the last token in one layer, after `add_tokens`.

        Args:
            keys_and_values: `[rows, 2, heads, width]`.

        Returns:
            keys and values of all tokens so far, each `[rows, heads, tokens, width]`.
        """
        cache = self.caches[layer]
        if self.length > cache.shape[1]:
            cache = np.concatenate([cache, cache], axis=1)  # the second half is only room
            self.caches[layer] = cache
        last = self.length - 1
        cache[:, last] = keys_and_values
        filled = cache[:, : self.length]
        by_head = filled.swapaxes(1, 3)  # [rows, heads, 2, tokens, width]
        keys = by_head[:, :, 0]  # [rows, heads, tokens, width]
        values = by_head[:, :, 1]
        return keys, values
