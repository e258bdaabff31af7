"""How the decoder of a GRU translator attends to the source."""

from __future__ import annotations

import numpy as np

from rnntext.run.affine import Affine, read_affine
from rnntext.run.arrays import Array, Weights, zeros
from rnntext.run.attention import softmax
from rnntext.settings.translator import GRUConfig


class Attention:
    """Additive or multiplicative attention, or none.

    With h the decoder's output, m_j the encoder's output at token j of the source, and k_j = m_j W_k its key:

        additive (Bahdanau, Cho, Bengio 2015, appendix A.1.2):  score_j = v . tanh(h W_q + b_q + k_j)
        multiplicative (Luong, Pham, Manning 2015, section 3.1, "general"):  score_j = h . k_j

        weights = softmax(score)
        context = sum over j of weights_j m_j

    Args:
        config: of the model.
        arrays: the weights of the model.
    """

    def __init__(self, config: GRUConfig, arrays: Weights) -> None:
        self.kind = config.attention
        if self.kind != "none":
            kernel = arrays["attention.keys.kernel"]
            no_bias = zeros(config.units)
            self.key = Affine(kernel, no_bias)
        if self.kind == "additive":
            self.query = read_affine(arrays, "attention.query")
            self.vector = arrays["attention.score"]  # v, [units]

    def keys(self, memory: Array) -> Array:
        """The keys of the sources, `[batch, source, units]`; without attention `[batch, source, 0]`.

        Args:
            memory: the encoder's outputs, `[batch, source, 2 * units]`.
        """
        if self.kind == "none":
            return memory[:, :, :0]
        return self.key(memory)

    def attend(
        self,
        h: Array,
        keys: Array,
        memory: Array,
        mask: Array,
    ) -> tuple[Array, Array]:
        """What each hypothesis finds in its source.

        Args:
            h: the decoder's outputs, `[rows, units]`.
            keys: from `keys`, `[batch, source, units]`.
            memory: the encoder's outputs, `[batch, source, 2 * units]`.
            mask: 0, or -inf behind the end of a source, `[batch, source]`.

        Returns:
            the contexts, `[rows, 2 * units]`, and the weights, `[rows, source]`; without attention `[rows, 0]` and
            zeros.
        """
        rows, units = h.shape
        batch, source = mask.shape
        if self.kind == "none":
            context = h[:, :0]
            weights = zeros(rows, source)
            return context, weights
        if self.kind == "additive":
            queries = self.query(h)  # [rows, units]
            by_source = queries.reshape(batch, -1, 1, units)  # [batch, hypotheses, 1, units]
            sums = by_source + keys[:, None]  # [batch, hypotheses, source, units]
            hidden = np.tanh(sums)
            scores = hidden @ self.vector  # [batch, hypotheses, source]
        else:
            queries = h.reshape(batch, -1, units)  # [batch, hypotheses, units]
            transposed = keys.swapaxes(1, 2)  # [batch, units, source]
            scores = queries @ transposed  # [batch, hypotheses, source]
        masked = scores + mask[:, None]
        weights = softmax(masked)
        context = weights @ memory  # [batch, hypotheses, 2 * units]
        context = context.reshape(rows, -1)
        weights = weights.reshape(rows, source)
        return context, weights
