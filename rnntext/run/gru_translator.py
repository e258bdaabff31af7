"""The GRU encoder-decoder in NumPy, one token at a time: the twin of `train/gru_translator.py`, and the only one that
users run.

The first decoder layer reads the target, attends to the source, and hands what it found to all layers above it and to
the output (the arrangement of Wu et al. 2016, section 3): so nothing but the recurrence itself goes from step to step.
Unlike the cells of `run/cells.py`, layers here take and give rows, `[rows, units]`, which attention wants, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnntext.config import GRUConfig
from rnntext.run.affine import Affine
from rnntext.run.attention import Array, pad, padding_mask, softmax, take
from rnntext.run.cells import gru_update, half_gates


def shapes(config: GRUConfig, source_size: int, target_size: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays that a model of this config consists of, all float32."""
    u, e = config.units, config.embedding
    context = 0 if config.attention == "none" else 2 * u

    def gru(name: str, features: int) -> dict[str, tuple[int, ...]]:
        return {
            f"{name}.kernel": (features, 3 * u),
            f"{name}.recurrent_kernel": (u, 3 * u),
            f"{name}.bias": (2, 3 * u),
        }

    found: dict[str, tuple[int, ...]] = {"source.embedding": (source_size, e)}
    if not config.one_embedding:
        found["target.embedding"] = (target_size, e)
    for layer in range(config.layers):
        for direction in ("forward", "backward"):
            found |= gru(f"encoder.{layer}.{direction}", 2 * u if layer else e)
    for layer in range(config.layers):
        found |= {f"bridge.{layer}.kernel": (2 * u, u), f"bridge.{layer}.bias": (u,)}
    for layer in range(config.layers):
        found |= gru(f"decoder.{layer}", u + context if layer else e)
    if config.attention != "none":
        found["attention.keys.kernel"] = (2 * u, u)
    if config.attention == "additive":
        found |= {"attention.query.kernel": (u, u), "attention.query.bias": (u,), "attention.score": (u,)}
    found |= {"output.kernel": (u + context, e), "output.bias": (e,)}
    if not config.tied:
        found["logits.kernel"] = (e, target_size)
    found["logits.bias"] = (target_size,)
    return found


class Layer:
    """`run.cells.GRUCell` for rows, each of which is computed as if it were alone.

    Args:
        kernel, recurrent_kernel: `[features, 3 units]`, `[units, 3 units]`.
        bias: `[2, 3 units]`.
    """

    def __init__(self, kernel: Array, recurrent_kernel: Array, bias: Array) -> None:
        self.units = len(recurrent_kernel)
        self.project = Affine(_gates(half_gates(kernel)), _gates(half_gates(bias[0])))
        self.recur = Affine(_gates(np.float32(0.5) * recurrent_kernel), _gates(np.float32(0.5) * bias[1]))

    def step(self, projected: Array, h: Array) -> None:
        """Replaces h `[rows, units]`, given what `project` made of the inputs, `[3, rows, units]`, which is lost."""
        gru_update(projected, self.recur(h), h)

    def run(self, x: Array, counts: list[int], backwards: bool) -> tuple[Array, Array]:
        """Reads sequences, the longest first, from their ends if `backwards`. Returns all states, in the order of x,
        and the last of each sequence `[batch, units]`.

        Args:
            x: the first of each, then the second of each that has one, and so on: `[tokens, features]`.
            counts: how many have a first, a second, and so on.
        """
        projected, h = self.project(x), np.zeros((counts[0], self.units), np.float32)
        states = np.empty((len(x), self.units), np.float32)
        ends = np.cumsum(counts).tolist()
        for count, end in list(zip(counts, ends, strict=True))[:: -1 if backwards else 1]:
            self.step(projected[:, end - count : end], h[:count])
            states[end - count : end] = h[:count]
        return states, h


def _gates(columns: Array) -> Array:
    """`[..., 3 units]` as `[3, ..., units]`."""
    return np.stack(np.split(columns, 3, axis=-1))


class State:
    """The decoder's memory of some sentences and of the hypotheses for each, equally many, sentence by sentence: first
    one, later as many as `reorder` asked for.

    Attributes:
        h: of each layer, `[rows, units]`.
        attention: how the last step looked at the source, `[rows, source]`.
    """

    def __init__(self, memory: Array, keys: Array, mask: Array, h: list[Array]) -> None:
        self.memory, self.keys, self.mask, self.h = memory, keys, mask, h
        self.attention = np.empty((0, mask.shape[1]), np.float32)

    def reorder(self, rows: Array) -> None:
        """Row r goes on with what row rows[r], of the same sentence, has seen."""
        self.h = [layer[rows] for layer in self.h]

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        beam = len(self.h[0]) // len(self.mask)
        self.reorder((sentences[:, None] * beam + np.arange(beam)).ravel())
        self.memory, self.keys, self.mask = (take(a, sentences) for a in (self.memory, self.keys, self.mask))


class GRUTranslator:
    """A trained GRU encoder-decoder.

    Args:
        config: its shape.
        arrays: its weights, as `shapes` names them.
    """

    def __init__(self, config: GRUConfig, arrays: Mapping[str, Array]) -> None:
        self.config, self.arrays = config, arrays
        scale = np.float32(config.embedding**0.5)
        source = arrays["source.embedding"]
        target = source if config.one_embedding else arrays["target.embedding"]
        self.source, self.target = source * scale, target * scale
        self.affine = {name: Affine(arrays[f"{name}.kernel"], arrays[f"{name}.bias"]) for name in self._affines()}
        if config.attention != "none":
            self.affine["attention.keys"] = Affine(arrays["attention.keys.kernel"], np.zeros(config.units, np.float32))
        if config.tied:
            self.affine["logits"] = Affine(target.T, arrays["logits.bias"])
        layers = range(config.layers)
        self.encoder = [(self._layer(f"encoder.{n}.forward"), self._layer(f"encoder.{n}.backward")) for n in layers]
        self.decoder = [self._layer(f"decoder.{n}") for n in layers]

    def _affines(self) -> list[str]:
        """Names of the layers that are a product and a sum, of weights of their own."""
        found = ["output", *(f"bridge.{layer}" for layer in range(self.config.layers))]
        found += ["attention.query"] if self.config.attention == "additive" else []
        return found if self.config.tied else [*found, "logits"]

    def _layer(self, name: str) -> Layer:
        return Layer(*(self.arrays[f"{name}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")))

    def start(self, sentences: list[Array], longest: int) -> State:
        """Reads source sentences, of each of which there is one hypothesis then.

        Args:
            sentences: ids of each, at least one.
            longest: length that all are padded to.
        """
        memory, final = self.encode(sentences, longest)
        h = [np.tanh(self.affine[f"bridge.{n}"](final)) for n in range(self.config.layers)]
        keys = memory[:, :, :0] if self.config.attention == "none" else self.affine["attention.keys"](memory)
        return State(memory, keys, padding_mask(np.array([len(s) for s in sentences]), longest), h)

    def encode(self, sentences: list[Array], longest: int) -> tuple[Array, Array]:
        """The encoder's outputs `[batch, longest, 2 units]`, zeros behind the end of a sentence, and its last layer's
        final states `[batch, 2 units]`."""
        order = sorted(range(len(sentences)), key=lambda number: -len(sentences[number]))
        ids, lengths = pad([sentences[number] for number in order], longest)
        time, row = np.nonzero(np.arange(lengths[0])[:, None] < lengths)
        counts = np.bincount(time).tolist()
        x = self.source[ids[row, time]]
        for forward, backward in self.encoder:
            (ahead, last), (back, first) = forward.run(x, counts, False), backward.run(x, counts, True)
            x = np.concatenate([ahead, back], axis=1)
        memory = np.zeros((len(ids), longest, x.shape[1]), np.float32)
        final = np.empty((len(ids), x.shape[1]), np.float32)
        memory[np.array(order)[row], time], final[order] = x, np.concatenate([last, first], axis=1)
        return memory, final

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            ids: `[rows]`.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        x = self.target[ids]
        for n, layer in enumerate(self.decoder):
            layer.step(layer.project(x), state.h[n])
            if n == 0:
                context = self._attend(state, state.h[0])
            x = np.concatenate([state.h[n], context], axis=1)
        return self.affine["logits"](np.tanh(self.affine["output"](x)))

    def _attend(self, state: State, queries: Array) -> Array:
        """What each hypothesis, `[rows, units]`, finds in its sentence: `[rows, 2 units]`, or nothing `[rows, 0]`."""
        rows, beam = len(queries), len(queries) // len(state.mask)
        if self.config.attention == "none":
            state.attention = np.zeros((rows, state.mask.shape[1]), np.float32)
            return queries[:, :0]
        if self.config.attention == "additive":
            queries = self.affine["attention.query"](queries)
            q = queries.reshape(-1, beam, 1, queries.shape[1])
            scores = np.tanh(q + state.keys[:, None]) @ self.arrays["attention.score"]  # [sentences, beam, source]
        else:
            scores = queries.reshape(-1, beam, queries.shape[1]) @ state.keys.swapaxes(1, 2)
        weights = softmax(scores + state.mask[:, None])
        state.attention = weights.reshape(rows, -1)
        return np.asarray((weights @ state.memory).reshape(rows, -1))
