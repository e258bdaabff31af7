"""The log-probabilities of given translations, by teacher forcing."""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, Sentences
from rnntext.run.attention import pad
from rnntext.run.batching import batches, length_class
from rnntext.run.logits import log_sum_exp, pick_columns
from rnntext.run.model import Model
from rnntext.text.tokens import END, START


def log_probabilities(
    model: Model,
    sources: Sentences,
    targets: Sentences,
    batch_tokens: int,
) -> Array:
    """The natural log-probability of each target, its end included, given its source: `[pairs]`, float64.

    log P(y | x) = sum over t of log softmax(logits_t)[y_t], where logits_t are what the model computes from the source
    x and the given tokens y_1 ... y_(t - 1), not from tokens of its own.

    Args:
        sources, targets: ids without START and END; no source is empty.
        batch_tokens: limit of the source tokens that are computed side by side.

    Raises:
        CheckpointError: the logits are not numbers.
    """
    of_tokens = token_log_probabilities(model, sources, targets, batch_tokens)
    return np.array([of_target.sum() for of_target in of_tokens])


def token_log_probabilities(model: Model, sources: Sentences, targets: Sentences, batch_tokens: int) -> list[Array]:
    """The natural log-probability of each token of each target, its end included: `[target + 1]` each, float64.

    For the arguments and errors see `log_probabilities`.
    """
    found = [np.empty(0)] * len(targets)
    lengths = [len(source) for source in sources]
    for batch in batches(lengths, batch_tokens):
        padded_length = length_class(lengths[batch[0]])
        batch_sources = [sources[number] for number in batch]
        batch_targets = [targets[number] for number in batch]
        state = model.start(batch_sources, padded_length)
        with_end = [np.append(target, END) for target in batch_targets]
        longest = max(len(target) for target in with_end)
        labels = pad(with_end, longest)  # [batch, time]
        rows = len(batch)
        ids = np.full(rows, START)  # [batch]
        log_softmaxes = np.empty(labels.shape)  # [batch, time]
        for time, labels_now in enumerate(labels.T):
            logits = model.step(state, ids)  # [batch, vocabulary]
            label = labels_now[:, None]  # [batch, 1]
            chosen = pick_columns(logits, label)  # [batch, 1]
            log_softmax = chosen - log_sum_exp(logits)  # [batch, 1]
            log_softmaxes[:, time] = log_softmax[:, 0]
            ids = labels_now  # Behind END it reads padding, whose probability nobody asks for.
        for number, of_target, target in zip(batch, log_softmaxes, with_end, strict=True):
            found[number] = of_target[: len(target)]
    return found
