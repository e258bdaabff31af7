"""The Transformer in NumPy, one token at a time: the twin of `train/transformer.py`, and the only one that users run.

Pre-norm: x + f(norm(x)) (Xiong et al. 2020). All that is added to x is centred once, when the model is loaded, so x has
a mean of zero and layer normalisation need not take it away (Jiang et al. 2023, "Pre-RMSNorm and Pre-CRMSNorm
Transformers"). The decoder keeps the keys and values of all tokens so far, and of the source, so that a step costs one
token.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from rnntext.config import TransformerConfig
from rnntext.run.affine import Affine
from rnntext.run.attention import (
    Array,
    attend,
    centre,
    merge_heads,
    padding_mask,
    split_heads,
    standardize,
    take,
)

MOST_POSITIONS = 1024  # rows of learned positions; whatever comes after them gets the last one
FIRST_CACHE = 32  # tokens; doubled whenever they do not suffice


def shapes(config: TransformerConfig, source_size: int, target_size: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays that a model of this config consists of, all float32."""
    d, f = config.units, config.feedforward
    norm: dict[str, tuple[int, ...]] = {"norm.scale": (d,), "norm.bias": (d,)}

    def attention(*projections: tuple[str, int]) -> dict[str, tuple[int, ...]]:
        found = dict(norm)
        for name, width in (*projections, ("output", d)):
            found |= {f"{name}.kernel": (d, width), f"{name}.bias": (width,)}
        return found

    feedforward = norm | {"inner.kernel": (d, f), "inner.bias": (f,), "output.kernel": (f, d), "output.bias": (d,)}
    itself, source = attention(("qkv", 3 * d)), attention(("query", d), ("memory", 2 * d))
    found: dict[str, tuple[int, ...]] = {"source.embedding": (source_size, d)}
    if not config.one_embedding:
        found["target.embedding"] = (target_size, d)
    if config.positions == "learned":
        found |= {"source.positions": (MOST_POSITIONS, d), "target.positions": (MOST_POSITIONS, d)}
    for side, blocks in [
        ("encoder", {"itself": itself, "feedforward": feedforward}),
        ("decoder", {"itself": itself, "source": source, "feedforward": feedforward}),
    ]:
        for layer in range(config.layers):
            for block, members in blocks.items():
                found |= {f"{side}.{layer}.{block}.{name}": shape for name, shape in members.items()}
        found |= {f"{side}.{name}": shape for name, shape in norm.items()}
    if not config.tied:
        found["logits.kernel"] = (d, target_size)
    found["logits.bias"] = (target_size,)
    return found


@functools.lru_cache(maxsize=8)
def sinusoids(count: int, units: int) -> Array:
    """Position p has sin(p / 10000^(2i / units)) in its first half and the cosines in its second: `[count, units]`."""
    rates = 10000.0 ** (-np.arange(0, units, 2) / units)
    angles = np.arange(count)[:, None] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _centred_sinusoids(count: int, units: int) -> Array:
    return centre(sinusoids(count, units))


def alignment_layer(config: TransformerConfig) -> int:
    """The decoder's layer whose attention to the source is shown: the last but one, which knows best what is being
    translated (Garg et al. 2019)."""
    return max(0, config.layers - 2)


class State:
    """The decoder's memory of some sentences and of the hypotheses for each, equally many, sentence by sentence: first
    one, later as many as `reorder` asked for.

    Attributes:
        memory: of each layer, keys and values of the sources, `[sentences, heads, source, width]` each.
        mask: 0, or -inf behind a source's end, `[sentences, 1, 1, source]`.
        caches: of each layer, keys and values of the tokens so far, `[rows, tokens, 2, heads, width]`: what is known
            of a hypothesis lies together, as it is what is copied.
        ids: tokens so far, `[rows, tokens]`.
        looked: how the last step looked at the source in `alignment_layer`, `[sentences, heads, hypotheses, source]`.
    """

    def __init__(self, memory: list[tuple[Array, Array]], mask: Array) -> None:
        self.memory, self.mask = memory, mask
        sentences, heads, longest, width = memory[0][0].shape
        self.caches = [np.empty((sentences, FIRST_CACHE, 2, heads, width), np.float32) for _ in memory]
        self.ids = np.empty((sentences, 0), np.int64)
        self.looked = np.empty((0, heads, 1, longest), np.float32)

    @property
    def length(self) -> int:
        """Tokens so far."""
        return self.ids.shape[1]

    @property
    def attention(self) -> Array:
        """How the last step looked at the source, `[rows, source]`: the mean over the heads of `alignment_layer`."""
        return np.asarray(self.looked.mean(axis=1).reshape(-1, self.looked.shape[-1]))

    def reorder(self, rows: Array) -> None:
        """Row r goes on with what row rows[r], of the same sentence, has seen: equal beginnings need not be copied."""
        ids = self.ids[rows]
        if len(rows) > len(self.ids):
            self.caches = [cache[rows] for cache in self.caches]
        else:
            row, token = np.nonzero(np.logical_or.accumulate(ids != self.ids, axis=1))
            for cache in self.caches:
                cache[row, token] = cache[rows[row], token]
        self.ids = ids

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        beam = len(self.ids) // len(self.mask)
        rows = (sentences[:, None] * beam + np.arange(beam)).ravel()
        for cache in self.caches:
            take(cache[:, : self.length], rows)
        self.caches, self.ids = [cache[: len(rows)] for cache in self.caches], self.ids[rows]
        self.memory = [(take(keys, sentences), take(values, sentences)) for keys, values in self.memory]
        self.mask = take(self.mask, sentences)

    def append(self, layer: int, keys_and_values: Array) -> tuple[Array, Array]:
        """Adds those of the last token, `[rows, 2, heads, width]`; returns keys and values of all tokens so far,
        `[rows, heads, tokens, width]` each."""
        if self.length > self.caches[layer].shape[1]:
            self.caches[layer] = np.concatenate([self.caches[layer]] * 2, axis=1)
        self.caches[layer][:, self.length - 1] = keys_and_values
        found = self.caches[layer][:, : self.length].swapaxes(1, 3)  # [rows, heads, 2, tokens, width]
        return found[:, :, 0], found[:, :, 1]


class Transformer:
    """A trained Transformer.

    Args:
        config: its shape.
        arrays: its weights, as `shapes` names them.
    """

    def __init__(self, config: TransformerConfig, arrays: Mapping[str, Array]) -> None:
        self.config, self.arrays = config, arrays
        scale = np.float32(config.units**0.5)
        target = arrays["source.embedding" if config.one_embedding else "target.embedding"]
        self.source = centre(arrays["source.embedding"] * scale)
        self.target = self.source if config.one_embedding else centre(target * scale)
        if config.positions == "learned":
            self.positions = {side: centre(arrays[f"{side}.positions"]) for side in ("source", "target")}
        names = [name.removesuffix(".kernel") for name in shapes(config, 0, 0) if name.endswith(".kernel")]
        kernels = {name: arrays[f"{name}.kernel"] for name in names} | ({"logits": target.T} if config.tied else {})
        self.affine = {name: self._affine(name, kernel, arrays[f"{name}.bias"]) for name, kernel in kernels.items()}

    def _affine(self, name: str, kernel: Array, bias: Array) -> Affine:
        """A product with the scale and the bias of the layer normalisation before it, if there is one: (scale x + b) W
        is x (scale W) + b W, and two passes over x are saved."""
        block, _, product = name.rpartition(".")
        if product == "output":
            return Affine(centre(kernel), centre(bias))
        norm = {"logits": "decoder", "memory": "encoder"}.get(product, block) + ".norm"
        scale, added = self.arrays[f"{norm}.scale"], self.arrays[f"{norm}.bias"]
        return Affine(scale[:, None] * kernel, bias + added @ kernel)

    def start(self, sentences: list[Array], longest: int) -> State:
        """Reads source sentences, of each of which there is one hypothesis then.

        Args:
            sentences: ids of each, at least one.
            longest: length that all are padded to.
        """
        lengths = np.array([len(sentence) for sentence in sentences])
        mask = padding_mask(lengths, longest)
        memory = self.encode(sentences, mask)
        found = []
        for layer in range(self.config.layers):
            keys, values = self._padded(self.affine[f"decoder.{layer}.source.memory"](memory), mask == 0, 2)
            found.append((np.ascontiguousarray(keys), np.ascontiguousarray(values)))  # they are read at each step
        return State(found, mask[:, None, None])

    def encode(self, sentences: list[Array], mask: Array) -> Array:
        """The encoder's output `[tokens, units]`, standardized, of all sentences one after another; `mask`
        `[batch, time]`."""
        real = mask == 0
        x = self.source[np.concatenate(sentences)]
        x += np.concatenate([self._positions("source", 0, len(sentence)) for sentence in sentences])
        for layer in range(self.config.layers):
            block = f"encoder.{layer}.itself"
            q, k, v = self._padded(self.affine[f"{block}.qkv"](standardize(x)), real, 3)
            found, _ = attend(q, k, v, mask[:, None, None])
            x += self.affine[f"{block}.output"](found.swapaxes(1, 2)[real].reshape(x.shape))
            self._feedforward(f"encoder.{layer}.feedforward", x)
        return standardize(x)

    def _padded(self, x: Array, real: Array, parts: int) -> Array:
        """`[tokens, parts * units]` of sentences one after another as `[parts, batch, heads, time, width]`, with zeros
        where nothing is `real` `[batch, time]`."""
        padded = np.zeros((*real.shape, x.shape[1]), np.float32)
        padded[real] = x
        return padded.reshape(*real.shape, parts, self.config.heads, -1).transpose(2, 0, 3, 1, 4)

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            ids: `[rows]`.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        x = self.target[ids] + self._positions("target", state.length, 1)  # [rows, units]
        state.ids = np.concatenate([state.ids, ids[:, None]], axis=1)
        rows, heads, width = len(ids), self.config.heads, self.config.units // self.config.heads
        for layer in range(self.config.layers):
            block = f"decoder.{layer}.itself"
            qkv = self.affine[f"{block}.qkv"](standardize(x)).reshape(rows, 3, heads, width)
            found, _ = attend(qkv[:, 0, :, None], *state.append(layer, qkv[:, 1:]))
            x += self.affine[f"{block}.output"](found.reshape(x.shape))

            # The hypotheses of a sentence are so many queries to one memory.
            block = f"decoder.{layer}.source"
            q = self.affine[f"{block}.query"](standardize(x)).reshape(len(state.mask), -1, self.config.units)
            found, weights = attend(split_heads(q, heads), *state.memory[layer], state.mask)
            x += self.affine[f"{block}.output"](merge_heads(found).reshape(x.shape))
            if layer == alignment_layer(self.config):
                state.looked = weights
            self._feedforward(f"decoder.{layer}.feedforward", x)
        return self.affine["logits"](standardize(x))

    def _feedforward(self, block: str, x: Array) -> None:
        """Adds to x what its network makes of it."""
        inner = self.affine[f"{block}.inner"](standardize(x))
        np.maximum(inner, 0, out=inner)
        x += self.affine[f"{block}.output"](inner)

    def _positions(self, side: str, begin: int, count: int) -> Array:
        if self.config.positions == "sinusoidal":
            room = max(MOST_POSITIONS, 1 << (begin + count - 1).bit_length())
            return np.asarray(_centred_sinusoids(room, self.config.units)[begin : begin + count])
        at = np.minimum(np.arange(begin, begin + count), MOST_POSITIONS - 1)
        return np.asarray(self.positions[side][at])
