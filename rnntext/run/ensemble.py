"""Ensembles: several models that predict together, as one model whose probabilities are the mean of theirs.

The members have the same symbols, and may differ in all else. All read the same ids, and each has a state of its own;
whoever searches, samples or scores sees one model. No text costs an ensemble more bits than it costs its members on
average (Jensen's inequality).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnntext.run.arrays import Array, Sentences
from rnntext.run.charlm import Predictor
from rnntext.run.charlm import State as CharlmState
from rnntext.run.logits import log_sum_exp
from rnntext.run.model import Model
from rnntext.run.model import State as ModelState

CHUNK_ROWS = 16  # rows whose mean is computed at a time: they stay in the processor's cache


def mean_logits(logits_of_members: Sequence[Array]) -> Array:
    """Logits whose softmax is the mean of the softmaxes of the members, `[rows, vocabulary]`.

    With z_m = log(sum(exp(logits_m))) of member m and z the mean of all z_m, they are

        log(mean over m of exp(logits_m - z_m)) + z

    z changes no probability: it keeps the logits where those of the members are, as the repetition penalty looks at
    their signs. So an ensemble of equal members has their logits. No exponential overflows, and no logarithm is that of
    zero, since the highest of the members is subtracted first.

    Args:
        logits_of_members: `[rows, vocabulary]` each.

    Raises:
        CheckpointError: the logits of a member are not numbers.
    """
    mean = np.empty_like(logits_of_members[0])
    for begin in range(0, len(mean), CHUNK_ROWS):
        chunk = slice(begin, begin + CHUNK_ROWS)
        _log_mean([logits[chunk] for logits in logits_of_members], out=mean[chunk])
    return mean


def _log_mean(logits_of_members: Sequence[Array], out: Array) -> None:
    """`mean_logits` of a few rows, written to `out`, `[rows, vocabulary]`."""
    logits = np.stack(logits_of_members)  # [members, rows, vocabulary]
    members, rows, vocabulary = logits.shape
    # 1. Move the logits of each member, so that the exponentials of all have the same sum.
    normalizers = log_sum_exp(logits.reshape(-1, vocabulary))  # [members * rows, 1]
    normalizers = normalizers.reshape(members, rows, 1)
    common = normalizers.sum(axis=0) / members  # [rows, 1]
    logits += common - normalizers
    # 2. Take the logarithm of the mean of their exponentials.
    highest = logits.max(axis=0)  # [rows, vocabulary]
    logits -= highest
    np.exp(logits, out=logits)
    logits.sum(axis=0, out=out)
    out /= members
    np.log(out, out=out)
    out += highest


# Character models -----------------------------------------------------------------------------------------------------


class CharlmEnsembleState:
    """What the members remember of `batch` texts.

    Attributes:
        batch: the number of texts.
        members: the state of each member.
    """

    def __init__(self, members: list[CharlmState], batch: int) -> None:
        self.batch = batch
        self.members = members


class CharlmEnsemble(Predictor):
    """Several character models as one.

    Args:
        members: models with the same vocabulary.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        self.members = list(members)
        self.vocabulary = self.members[0].vocabulary

    @property
    def max_threads(self) -> int:
        """See Predictor."""
        return min(member.max_threads for member in self.members)

    def start(self, batch: int = 1) -> CharlmEnsembleState:
        """See Predictor."""
        states = [member.start(batch) for member in self.members]
        return CharlmEnsembleState(states, batch)

    def step(self, state: CharlmEnsembleState, ids: Array) -> Array:
        """See Predictor."""
        pairs = zip(self.members, state.members, strict=True)
        return mean_logits([member.step(of_member, ids) for member, of_member in pairs])


# Translation models ---------------------------------------------------------------------------------------------------


class TranslatorEnsembleState:
    """What the members remember of a batch of sentences and of the hypotheses for each (see `run.model.State`).

    Attributes:
        members: the state of each member.
    """

    def __init__(self, members: list[ModelState]) -> None:
        self.members = members

    @property
    def attention(self) -> Array:
        """How the last step looked at the source, `[rows, source]`: the mean over the members that attend to it. The
        weights of one that does not (a GRU with --attention none) are zeros."""
        weights = [state.attention for state in self.members]
        attending = [of_member for of_member in weights if of_member.any()]
        return np.asarray(np.mean(attending or weights, axis=0))

    def reorder(self, rows: Array) -> None:
        """Makes row r go on with what row rows[r], of the same sentence, has read."""
        for state in self.members:
            state.reorder(rows)

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        for state in self.members:
            state.keep(sentences)


class TranslatorEnsemble:
    """Several translation models as one (see `run.model.Model`).

    Args:
        members: models with the same vocabularies.
    """

    def __init__(self, members: Sequence[Model]) -> None:
        self.members = list(members)

    def start(self, sentences: Sentences, padded_length: int) -> TranslatorEnsembleState:
        """The state of each member after reading source sentences; see `run.model.Model`."""
        return TranslatorEnsembleState([member.start(sentences, padded_length) for member in self.members])

    def step(self, state: Any, ids: Array) -> Array:
        """Reads one target token of each hypothesis, with a state of `start`; see `run.model.Model`."""
        pairs = zip(self.members, state.members, strict=True)
        return mean_logits([member.step(of_member, ids) for member, of_member in pairs])
