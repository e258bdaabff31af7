"""The character model in NumPy, one step at a time: the twin of `train/charlm.py`, and the one that users run."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rnntext.run.arrays import Array, Shapes, Weights, affine_shapes, empty, zeros
from rnntext.run.stack import Stack, StackState, stack_shapes
from rnntext.run.threads import MAX_THREADS, ROWS, blas_threads, exact_threads
from rnntext.settings.charlm import CharlmConfig
from rnntext.text.vocabulary import CODE_POINTS, UNKNOWN, CharVocabulary

# A text is scored in parts, side by side. Each part first reads OVERLAP characters of the part before it, so that
# it knows its context: on tinyshakespeare the result differs from that of one long walk by less than 1e-6 bits
# (docs/decisions.md).
OVERLAP = 256
MIN_PART = 1024  # characters
MAX_PARTS = 64


def shapes(config: CharlmConfig, vocabulary_size: int) -> Shapes:
    """Names and shapes of the arrays of a model, all float32."""
    units = config.units
    layers = [units] * config.layers
    weights: Shapes = {}
    weights["embedding"] = (vocabulary_size, config.embedding)
    weights |= stack_shapes(config.cell, config.embedding, layers)
    weights |= affine_shapes("logits", units, vocabulary_size)
    return weights


class Predictor(abc.ABC):
    """Predicts the next character of texts, as one model (`Charlm`) or several (`run.ensemble.CharlmEnsemble`).

    Attributes:
        vocabulary: the characters; id 0 is `[UNK]`.
    """

    vocabulary: CharVocabulary

    @property
    def max_threads(self) -> int:
        """The largest number of threads of a matrix product with which one text is the same, to the bit, as with one;
        with 1, 2, 4, ... up to this number."""
        return 1

    @abc.abstractmethod
    def start(self, batch: int = 1) -> Any:
        """A state of so many texts that has read nothing; their number is its `batch`."""

    @abc.abstractmethod
    def step(self, state: Any, ids: Array) -> Array:
        """Reads one character of each text.

        Args:
            state: from `start`; overwritten.
            ids: `[batch]`, integers.

        Returns:
            logits of the next character, `[batch, vocabulary]`, which the next step may overwrite.
        """

    def feed(self, state: Any, ids: Sequence[int] | Array) -> Array:
        """Reads the same characters into every text of the batch; returns the last logits, `[batch, vocabulary]`.

        Args:
            state: overwritten.
            ids: `[time]`, at least one.
        """
        for character in ids:
            repeated = np.full(state.batch, character)  # [batch]
            logits = self.step(state, repeated)
        return logits

    def score(self, ids: Array, context: Array | None = None) -> float:
        """The information content of a text in bits: the sum of its `surprisal`."""
        return float(self.surprisal(ids, context).sum())

    def surprisal(self, ids: Array, context: Array | None = None) -> Array:
        """-log2 P(character | characters before it) of each character of a text, in bits, `[time]`, float64; see `bits`
        for unknown characters. The first one is predicted after `vocabulary.start`.

        Args:
            ids: `[time]`, integers.
            context: ids that come before the text and are not scored, `[context]`; about OVERLAP of them are enough.
        """
        context = np.empty(0, np.int32) if context is None else context
        nats = np.empty(len(ids))
        for places, losses in self._losses(ids, context):
            nats[places] = losses
        return self.bits(nats, ids)

    def bits(self, nats: Array, ids: Array) -> Array:
        """The information content of characters in bits, `[time]`, given their negative log-likelihoods in nats.

        An unknown character costs what `[UNK]` costs and, in addition, log2 of the number of characters that it can be,
        so that a smaller vocabulary wins nothing.

        Args:
            nats: `[time]`.
            ids: those of the characters, `[time]`, integers.
        """
        choices = CODE_POINTS - len(self.vocabulary)
        unknown = ids == UNKNOWN
        return np.asarray(nats / math.log(2) + unknown * math.log2(choices))

    def _losses(self, ids: Array, context: Array) -> Iterator[tuple[Array, Array]]:
        """Yields the places of the characters that are predicted at one step, `[parts]`, and their negative
        log-likelihoods in nats, `[parts]`.

        A part that still reads its context, or has come to its end, is left out.
        """
        # 1. Cut the text into parts: of context and text, part p predicts [begins[p]:ends[p]] and reads from starts[p].
        parts = min(MAX_PARTS, len(ids) // MIN_PART)
        parts = max(1, parts)
        length = len(context) + len(ids)
        edges = np.linspace(len(context), length, parts + 1)
        edges = edges.astype(int)
        begins = edges[:-1]  # [parts]
        ends = edges[1:]  # [parts]
        starts = np.maximum(begins - OVERLAP, 0)
        steps = ends - starts
        longest = steps.max(initial=0)

        # 2. Read all parts side by side. text[t] is the character before text[t + 1], which is predicted.
        before = [self.vocabulary.start]
        text = np.concatenate([before, context, ids])  # [time + 1]
        state = self.start(parts)
        rows = np.arange(parts)
        for offset in range(int(longest)):
            position = starts + offset  # [parts]
            counted = position >= begins
            counted &= position < ends
            inside = np.minimum(position, length - 1)
            logits = self.step(state, text[inside])  # [parts, vocabulary]
            if counted.any():
                targets = text[inside + 1]
                losses = _negative_log_likelihood(logits, rows, targets)
                yield position[counted] - len(context), losses[counted]


def surprisals(model: Predictor, pieces: Iterable[Array], threads: int = 1) -> Iterator[Array]:
    """Yields what each character of a text costs in bits (see `Predictor.surprisal`), `[time]` of one piece after
    another.

    Args:
        pieces: the ids of the text, cut in any way, `[time]` each; no more than one is kept in memory.
        threads: number of threads of a matrix product.
    """
    context = np.empty(0, np.int32)
    for ids in pieces:
        with blas_threads(threads):
            bits = model.surprisal(ids, context)
        yield bits
        context = np.concatenate([context, ids])[-OVERLAP:]


class State:
    """What a model remembers of `batch` texts, and its work space. A step overwrites it.

    Attributes:
        batch: the number of texts.
    """

    def __init__(self, stack: StackState, batch: int, gate_units: int, columns: int) -> None:
        self.batch = batch
        self.stack = stack
        self.projected = empty(gate_units, batch)
        self.logits = empty(batch, columns)

    def layers(self) -> list[tuple[Array, ...]]:
        """For each layer its states `[units, batch]`, in Keras's order (h, then an LSTM's c), to read or overwrite."""
        return self.stack.layers()


class Charlm(Predictor):
    """A trained character model.

    x = embedding of the character that is read
    h = output of the last of the recurrent layers, the first of which reads x
    P(next character | characters so far) = softmax(h W + b)

    Args:
        config: its shape.
        vocabulary: its characters; id 0 is `[UNK]`.
        arrays: its weights, as `shapes` names them.

    Attributes:
        weights: these arrays, which must stay as they are.
    """

    def __init__(
        self,
        config: CharlmConfig,
        vocabulary: CharVocabulary,
        arrays: Weights,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.weights = arrays
        layers = [config.units] * config.layers
        self.stack = Stack(config.cell, layers, arrays)
        # The first layer reads nothing but embeddings, so its products with all of them are computed once.
        embedding = arrays["embedding"]  # [vocabulary, embedding size]
        self.table = self.stack.project(embedding)  # [gates * units, vocabulary]
        kernel = arrays["logits.kernel"]
        self.kernel = np.ascontiguousarray(kernel)  # [units, vocabulary]
        self.bias = arrays["logits.bias"]  # [vocabulary]

    @cached_property
    def _rows(self) -> Array:
        """The kernel of the output layer as one text needs it for `max_threads`, `[vocabulary and rows of zeros,
        units]`."""
        units, vocabulary = self.kernel.shape
        rows = zeros(math.ceil(vocabulary / (MAX_THREADS * ROWS)) * MAX_THREADS * ROWS, units)
        rows[:vocabulary] = self.kernel.T
        return rows

    @property
    def max_threads(self) -> int:
        """See Predictor."""
        return exact_threads(len(self.table))

    def start(self, batch: int = 1) -> State:
        """A state that has read nothing."""
        gate_units = len(self.table)  # gates * units
        columns = len(self.bias) if batch > 1 else len(self._rows)
        stack = self.stack.start(batch)
        return State(stack, batch, gate_units, columns)

    def step(self, state: State, ids: Array) -> Array:
        """Reads one character of each text.

        Args:
            state: overwritten.
            ids: `[batch]`, integers.

        Returns:
            logits of the next character, `[batch, vocabulary]`, which the next step overwrites.
        """
        projected = state.projected  # [gates * units, batch]
        np.take(self.table, ids, axis=1, out=projected, mode="clip")
        h = self.stack.step(state.stack, projected)  # [units, batch]
        logits = state.logits  # [batch, vocabulary]; of one text more columns
        if state.batch == 1:
            np.matmul(self._rows, h, out=logits.T)
            logits = logits[:, : len(self.bias)]
        else:
            np.matmul(h.T, self.kernel, out=logits)
        logits += self.bias
        return logits


def _negative_log_likelihood(logits: Array, rows: Array, targets: Array) -> Array:
    """-log softmax(logits)[target] of each row, `[batch]`, in nats; sums are float64.

    Args:
        logits: `[batch, vocabulary]`.
        rows: their numbers, `[batch]`.
        targets: `[batch]`, ids.
    """
    highest = logits.max(axis=1)  # [batch]
    shifted = logits - highest[:, None]  # so that no exponential overflows
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, dtype=np.float64)  # [batch]
    log_sum_exp = np.log(total) + highest
    chosen = logits[rows, targets]  # [batch]
    return np.asarray(log_sum_exp - chosen)
