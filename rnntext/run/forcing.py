"""What a translation model thinks of given translations: teacher forcing, in NumPy."""

from __future__ import annotations

import numpy as np

from rnntext.run.attention import Array
from rnntext.run.batching import batches, length_class
from rnntext.run.search import Model, log_sum_exp
from rnntext.text.tokens import END, PAD, START


def log_probabilities(model: Model, sources: list[Array], targets: list[Array], batch_tokens: int) -> Array:
    """The natural log-probability of each target, its end included, given its source: `[pairs]`, float64.

    Args:
        sources, targets: ids without START and END; no source is empty.
        batch_tokens: limits how many are computed side by side.
    """
    found = np.zeros(len(sources))
    for batch in batches([len(source) for source in sources], batch_tokens):
        longest = length_class(len(sources[batch[0]]))
        state = model.start([sources[i] for i in batch], longest)
        labels = np.full((len(batch), 1 + max(len(targets[i]) for i in batch)), PAD)
        for row, i in zip(labels, batch, strict=True):
            row[: len(targets[i]) + 1] = [*targets[i], END]
        ids = np.full(len(batch), START)
        for column in labels.T:
            logits = model.step(state, ids)
            chosen = np.take_along_axis(logits, column[:, None], axis=1) - log_sum_exp(logits)
            found[batch] += np.where(column == PAD, 0.0, chosen[:, 0])
            ids = column
    return found
