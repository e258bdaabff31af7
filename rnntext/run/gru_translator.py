"""The GRU encoder-decoder in NumPy, one token at a time: the twin of `train/gru_translator.py`, and the only one that
users run.

The first decoder layer reads the target, attends to the source, and hands what it found to all layers above it and to
the output (the arrangement of Wu et al. 2016, section 3): so nothing but the recurrence itself goes from step to step.
Arrays of states are feature-major, `[units, columns]`, as `run/cells.py` wants them; attention is `[rows, ...]`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnntext.config import GRUConfig
from rnntext.run.attention import BLOCK, Array, affine, columns, pad, padding_mask, softmax
from rnntext.run.cells import GRUCell


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


def _blocks(x: Array) -> Array:
    """A view of `[..., columns]` as `[blocks, ..., BLOCK]`: products are made block by block, as in `affine`."""
    return np.moveaxis(x.reshape(*x.shape[:-1], -1, BLOCK), -2, 0)


class State:
    """The decoder's memory of some sentences and of `beam` hypotheses for each, `[sentences * beam]` rows.

    Attributes:
        attention: how the last step looked at the source, `[rows, source]`.
    """

    def __init__(
        self, beam: int, memory: Array, keys: Array, mask: Array, h: list[Array], cells: list[GRUCell]
    ) -> None:
        self.beam, self.memory, self.keys, self.mask = beam, memory, keys, mask
        self.cells = cells
        self.h = [np.repeat(layer, beam, axis=1) for layer in h]  # [units, rows]
        self.attention = np.zeros((len(mask) * beam, mask.shape[1]), np.float32)
        self._make_room()

    def _make_room(self) -> None:
        count = self.h[0].shape[1]
        self.h = [np.pad(layer, ((0, 0), (0, columns(count) - count))) for layer in self.h]
        self.spaces = [cell.start(BLOCK, columns(count) // BLOCK) for cell in self.cells]

    def reorder(self, rows: Array) -> None:
        """Row r goes on with what row rows[r], of the same sentence, has seen."""
        for layer in self.h:
            layer[:, : len(rows)] = layer[:, rows]

    def keep(self, sentences: Array) -> None:
        """Forgets all sentences but these."""
        rows = (sentences[:, None] * self.beam + np.arange(self.beam)).ravel()
        self.memory, self.keys, self.mask = self.memory[sentences], self.keys[sentences], self.mask[sentences]
        self.h = [layer[:, rows] for layer in self.h]
        self.attention = self.attention[rows]
        self._make_room()


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
        self.logits = np.ascontiguousarray(target.T) if config.tied else arrays["logits.kernel"]
        layers = range(config.layers)
        self.encoder = [(self._cell(f"encoder.{n}.forward"), self._cell(f"encoder.{n}.backward")) for n in layers]
        self.decoder = [self._cell(f"decoder.{n}") for n in layers]

    def _cell(self, name: str) -> GRUCell:
        return GRUCell(*(self.arrays[f"{name}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")))

    def start(self, sentences: list[Array], longest: int, beam: int = 1) -> State:
        """Reads source sentences.

        Args:
            sentences: ids of each, at least one.
            longest: length that all are padded to.
            beam: hypotheses for each.
        """
        count = len(sentences)
        ids, lengths = pad([*sentences, *[sentences[0]] * (columns(count) - count)], longest)
        memory, final = self.encode(ids, lengths)
        h = [
            np.tanh(affine(final.T, self.arrays[f"bridge.{n}.kernel"], self.arrays[f"bridge.{n}.bias"])).T[:, :count]
            for n in range(self.config.layers)
        ]
        memory = np.ascontiguousarray(memory[:count])
        attends = self.config.attention != "none"
        keys = affine(memory, self.arrays["attention.keys.kernel"]) if attends else memory[:, :, :0]
        return State(beam, memory, keys, padding_mask(lengths[:count], longest), h, self.decoder)

    def encode(self, ids: Array, lengths: Array) -> tuple[Array, Array]:
        """The encoder's outputs `[batch, time, 2 units]` and its last layer's final states `[2 units, batch]`, for ids
        `[batch, time]`."""
        batch, time = ids.shape
        real = np.arange(time)[:, None] < lengths  # [time, batch]
        x = self.source[ids.T].reshape(time * batch, -1).T  # [features, time * batch]
        for forward, backward in self.encoder:
            outputs = np.empty((2 * self.config.units, time, batch), np.float32)
            finals = []
            for half, cell, steps in [(0, forward, range(time)), (1, backward, range(time - 1, -1, -1))]:
                place = outputs[half * self.config.units : (half + 1) * self.config.units]
                finals.append(_run(cell, x, real, steps, place))
            x = outputs.reshape(-1, time * batch)
        return outputs.transpose(2, 1, 0), np.concatenate(finals)

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            ids: `[rows]`.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        rows = len(ids)
        x = np.zeros((self.target.shape[1], state.h[0].shape[1]), np.float32)
        x[:, :rows] = self.target[ids].T
        context = np.zeros((0, x.shape[1]), np.float32)
        for layer, (cell, h, space) in enumerate(zip(self.decoder, state.h, state.spaces, strict=True)):
            now = _blocks(h)
            cell.step(space, None, _project(cell, _blocks(x)), now, now)
            if layer == 0 and self.config.attention != "none":
                context = np.zeros((state.memory.shape[2], x.shape[1]), np.float32)
                context[:, :rows] = self._attend(state, h[:, :rows].T).T
            x = np.concatenate([h, context])
        output = np.tanh(affine(x.T, self.arrays["output.kernel"], self.arrays["output.bias"]))
        return affine(output[:rows], self.logits, self.arrays["logits.bias"])

    def _attend(self, state: State, queries: Array) -> Array:
        """What each hypothesis, `[rows, units]`, finds in its sentence: `[rows, 2 units]`."""
        rows = len(queries)
        if self.config.attention == "additive":
            queries = affine(queries, self.arrays["attention.query.kernel"], self.arrays["attention.query.bias"])
            q = queries.reshape(-1, state.beam, 1, queries.shape[1])
            scores = np.tanh(q + state.keys[:, None]) @ self.arrays["attention.score"]  # [sentences, beam, source]
        else:
            scores = queries.reshape(-1, state.beam, queries.shape[1]) @ state.keys.swapaxes(1, 2)
        weights = softmax(scores + state.mask[:, None])
        state.attention = weights.reshape(rows, -1)
        return np.asarray((weights @ state.memory).reshape(rows, -1))


def _project(cell: GRUCell, x: Array) -> Array:
    """The cell's input projection of `[..., features, BLOCK]`: `[..., 3 units, BLOCK]`."""
    return np.asarray(cell.kernel @ x + cell.input_bias)


def _run(cell: GRUCell, x: Array, real: Array, steps: range, outputs: Array) -> Array:
    """Runs a cell over a sequence; where nothing is real the state stays as it is.

    Args:
        x: `[features, time * batch]`.
        real: `[time, batch]`.
        steps: the order of time.
        outputs: `[units, time, batch]`, to be filled.

    Returns:
        the final state `[units, batch]`.
    """
    time, batch = real.shape
    projected = _project(cell, _blocks(x.reshape(-1, time, batch)).swapaxes(1, 2))  # [blocks, time, 3 units, BLOCK]
    final = np.zeros((cell.units, batch), np.float32)
    h, space = _blocks(final), cell.start(BLOCK, batch // BLOCK)
    for t in steps:
        before = h.copy()
        cell.step(space, None, projected[:, t], h, h)
        np.copyto(h, before, where=~_blocks(real[t])[:, None])
        outputs[:, t] = final
    return final
