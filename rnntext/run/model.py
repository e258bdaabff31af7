"""What the search and the scoring need to know of a translation model, whatever its architecture."""

from __future__ import annotations

from typing import Protocol

from rnntext.run.arrays import Array, Sentences


class State(Protocol):
    """What a model remembers of a batch of sentences and of the hypotheses for each.

    All sentences have equally many hypotheses. The rows of an array `[rows, ...]` are the hypotheses of the first
    sentence, then those of the second, and so on.
    """

    @property
    def attention(self) -> Array:
        """How the last step looked at the source, `[rows, source]`."""
        ...

    def reorder(self, rows: Array) -> None:
        """Makes row r go on with what row rows[r], of the same sentence, has read.

        Args:
            rows: `[rows]`; there may be more than before.
        """
        ...

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others.

        Args:
            sentences: their numbers, `[batch]`.
        """
        ...


class Model(Protocol):
    """A translation model."""

    def start(self, sentences: Sentences, padded_length: int) -> State:
        """The state after reading source sentences; each has one hypothesis, which is empty.

        Args:
            sentences: the ids of each, `[source]`; at least one sentence.
            padded_length: the length that all are padded to.
        """
        ...

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            state: overwritten.
            ids: `[rows]`, integers.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        ...
