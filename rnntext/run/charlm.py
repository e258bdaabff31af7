"""The character model in NumPy, one step at a time: the twin of `train/charlm.py`, and the only one that users run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rnntext.config import CharlmConfig
from rnntext.run.cells import CELLS, Array, stack_memory, stack_shapes
from rnntext.text.vocabulary import CODE_POINTS, UNKNOWN, CharVocabulary

# A long text is scored in parts, side by side. Each part first reads this many characters of the part before it, to
# know its context: on tinyshakespeare the result differs from one long walk by less than 1e-6 bits (docs/decisions.md).
OVERLAP = 256
PART = 1024  # shortest part
MOST_PARTS = 64


def shapes(config: CharlmConfig, vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays that a model of this config consists of, all float32."""
    found: dict[str, tuple[int, ...]] = {"embedding": (vocabulary_size, config.embedding)}
    found |= stack_shapes(config.cell, config.embedding, [config.units] * config.layers)
    found["logits.kernel"] = (config.units, vocabulary_size)
    found["logits.bias"] = (vocabulary_size,)
    return found


class State:
    """What a model remembers of `batch` texts, and its work space. A step overwrites it."""

    def __init__(self, model: Charlm, batch: int) -> None:
        self.hidden, self.h, self.both = stack_memory([model.config.units] * model.config.layers, batch)
        self.column = np.empty((len(model.table), batch), np.float32)
        self.logits = np.empty((batch, model.kernel.shape[1]), np.float32)
        self.spaces = [cell.start(batch) for cell in model.cells]

    def layers(self, model: Charlm) -> list[tuple[Array, ...]]:
        """For each layer its states `[units, batch]`, in Keras's order (h, then an LSTM's c), to read or overwrite."""
        return [(h, *cell.memory(s)) for h, cell, s in zip(self.h, model.cells, self.spaces, strict=True)]


class Charlm:
    """A trained character model.

    Args:
        config: its shape.
        vocabulary: its characters; id 0 is `[UNK]`.
        arrays: its weights, as `shapes` names them.
    """

    def __init__(self, config: CharlmConfig, vocabulary: CharVocabulary, arrays: Mapping[str, Array]) -> None:
        self.config, self.vocabulary = config, vocabulary
        cell = CELLS[config.cell]
        self.table = cell.table(arrays["embedding"], arrays["layer0.kernel"], arrays["layer0.bias"])
        self.cells = [
            cell(
                arrays[f"layer{index}.kernel"] if index else None,
                arrays[f"layer{index}.recurrent_kernel"],
                arrays[f"layer{index}.bias"],
            )
            for index in range(config.layers)
        ]
        self.kernel, self.bias = np.ascontiguousarray(arrays["logits.kernel"]), arrays["logits.bias"]

    def start(self, batch: int = 1) -> State:
        """A state that has read nothing."""
        return State(self, batch)

    def step(self, state: State, ids: Array) -> Array:
        """Reads one character of each text.

        Args:
            state: overwritten.
            ids: `[batch]`, integers.

        Returns:
            logits of the next character `[batch, vocabulary]`; the next step overwrites them.
        """
        np.take(self.table, ids, axis=1, out=state.column, mode="clip")
        column: Array | None = state.column
        below: Array | None = None
        for cell, space, both, h in zip(self.cells, state.spaces, state.both, state.h, strict=True):
            cell.step(space, below, column, both, h)
            column, below = None, h
        np.matmul(state.h[-1].T, self.kernel, out=state.logits)
        state.logits += self.bias
        return state.logits

    def feed(self, state: State, ids: Sequence[int] | Array) -> Array:
        """Reads the same characters `[time]`, at least one, into every text of the batch; returns the last logits."""
        batch = state.hidden.shape[1]
        for character in ids:
            logits = self.step(state, np.full(batch, character))
        return logits

    def score(self, ids: Array) -> float:
        """The information content of a text in bits, its first character predicted as if after a line break.

        An unknown character costs what `[UNK]` costs plus log2 of the number of characters that it could be, so that a
        smaller vocabulary wins nothing.

        Args:
            ids: `[time]`, integers.
        """
        nats = math.fsum(float(losses.sum()) for losses in self._losses(ids))
        unknown = int(np.count_nonzero(ids == UNKNOWN))
        return nats / math.log(2) + unknown * math.log2(CODE_POINTS - len(self.vocabulary))

    def _losses(self, ids: Array) -> Iterator[Array]:
        """Yields the negative log-likelihoods, in nats, of the characters that are read at one step, `[parts]`."""
        parts = max(1, min(MOST_PARTS, len(ids) // PART))
        text = np.concatenate([[self.vocabulary.start], ids])
        edges = np.linspace(0, len(ids), parts + 1).astype(int)  # part p predicts ids[edges[p]:edges[p + 1]]
        ahead = OVERLAP if parts > 1 else 0
        begins = np.maximum(edges[:-1] - ahead, 0)
        state = self.start(parts)
        rows = np.arange(parts)
        for offset in range(int((edges[1:] - begins).max(initial=0))):
            position = np.minimum(begins + offset, len(ids) - 1)
            logits = self.step(state, text[position])
            counted = (begins + offset >= edges[:-1]) & (begins + offset < edges[1:])
            if counted.any():
                yield _negative_log_likelihood(logits, rows, text[position + 1])[counted]


def _negative_log_likelihood(logits: Array, rows: Array, targets: Array) -> Array:
    """-log softmax(logits)[target], `[batch]`, in nats, summed up in float64."""
    top = logits.max(axis=1)
    total = np.exp(logits - top[:, None]).sum(axis=1, dtype=np.float64)
    return np.asarray(np.log(total) + top - logits[rows, targets])
