"""The blocks that the layers of a Transformer consist of. Each adds something to x, in place: x = x + f(norm(x)).

norm(x) = (x - mean(x)) / sqrt(variance(x) + epsilon) * scale + bias is spread over three places, to save passes over x:

- All that is ever added to x is centred once, when the model is loaded. So x has a mean of zero, and no normalisation
  need subtract it (Jiang et al. 2023, "Pre-RMSNorm and Pre-CRMSNorm Transformers").
- `standardize` divides by the deviation.
- Scale and bias are part of the product that reads the normalised x (`after_norm`).

Axes: x is `[tokens, units]` in the encoder, where the sentences of a batch stand one after another without padding, and
`[rows, units]` in the decoder, which reads one token of each hypothesis.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.affine import Affine
from rnntext.run.arrays import Array, Weights, zeros
from rnntext.run.attention import attend, centre, merge_heads, split_heads, standardize
from rnntext.run.transformer_state import Sources, State


def after_norm(arrays: Weights, norm: str, kernel: Array, bias: Array) -> Affine:
    """A product W, b with the scale s and the bias c of the layer normalisation before it: (s x + c) W + b.

    It is computed as x (s W) + (c W + b), where s multiplies the rows of W.

    Args:
        norm: the name of the layer normalisation, such as "encoder.0.itself".
        kernel: W, `[units, columns]`.
        bias: b, `[columns]`.
    """
    scale = arrays[f"{norm}.norm.scale"]
    norm_bias = arrays[f"{norm}.norm.bias"]
    scaled = scale[:, None] * kernel
    moved = norm_bias @ kernel
    return Affine(scaled, bias + moved)


class Block:
    """What all blocks have: the name of their arrays, and a product at the end.

    Args:
        arrays: the weights of the model.
        name: of the block, such as "encoder.0.itself".
    """

    def __init__(self, arrays: Weights, name: str) -> None:
        self.arrays = arrays
        self.name = name
        kernel, bias = self._weights("output")
        kernel = centre(kernel)
        bias = centre(bias)
        self.output = Affine(kernel, bias)

    def _weights(self, product: str) -> tuple[Array, Array]:
        """The kernel and the bias of a product."""
        name = f"{self.name}.{product}"
        kernel = self.arrays[f"{name}.kernel"]
        bias = self.arrays[f"{name}.bias"]
        return kernel, bias

    def _after_norm(self, product: str, norm: str | None = None) -> Affine:
        """A product of this block that reads what a layer normalisation gives.

        Args:
            product: its name, such as "qkv".
            norm: the name of the layer normalisation; None for the block's own.
        """
        kernel, bias = self._weights(product)
        norm = norm or self.name
        return after_norm(self.arrays, norm, kernel, bias)


class Attention(Block):
    """What both kinds of attention have: heads.

    Args:
        arrays, name: see Block.
        heads: their number.
    """

    def __init__(self, arrays: Weights, name: str, heads: int) -> None:
        super().__init__(arrays, name)
        self.heads = heads

    def _split(self, x: Array, real: Array, parts: int) -> Array:
        """Tokens of sentences one after another, split into parts and heads, with zeros as padding.

        Args:
            x: `[tokens, parts * units]`.
            real: where the tokens are, `[batch, time]`, boolean.

        Returns:
            `[parts, batch, heads, time, width]`.
        """
        batch, time = real.shape
        columns = x.shape[1]
        padded = zeros(batch, time, columns)
        padded[real] = x
        split = padded.reshape(batch, time, parts, self.heads, -1)
        return split.transpose(2, 0, 3, 1, 4)


class SelfAttention(Attention):
    """Multi-head attention of a sequence to itself (Vaswani et al. 2017, section 3.2).

    Q, K, V = norm(x) W_q + b_q, norm(x) W_k + b_k, norm(x) W_v + b_v
    x = x + concatenate over heads(softmax(Q K^T / sqrt(width)) V) W_o + b_o
    """

    def __init__(self, arrays: Weights, name: str, heads: int) -> None:
        super().__init__(arrays, name, heads)
        self.qkv = self._after_norm("qkv")  # all three products side by side

    def encode(self, x: Array, real: Array, mask: Array) -> None:
        """Lets all tokens of each sentence look at one another.

        Args:
            x: `[tokens, units]`; overwritten.
            real: where the tokens are, `[batch, time]`, boolean.
            mask: 0 there and -inf elsewhere, `[batch, 1, 1, time]`.
        """
        normed = standardize(x)
        qkv = self.qkv(normed)  # [tokens, 3 * units]
        queries, keys, values = self._split(qkv, real, 3)  # [batch, heads, time, width] each
        context, _ = attend(queries, keys, values, mask)
        by_time = context.swapaxes(1, 2)  # [batch, time, heads, width]
        merged = by_time[real]  # [tokens, heads, width]
        merged = merged.reshape(x.shape)  # [tokens, units]
        x += self.output(merged)

    def step(self, x: Array, state: State, layer: int) -> None:
        """Lets the last token of each hypothesis look at itself and at the tokens before it.

        Args:
            x: `[rows, units]`; overwritten.
            state: gets the keys and the values of the last token.
            layer: number of the layer.
        """
        rows, units = x.shape
        width = units // self.heads
        normed = standardize(x)
        qkv = self.qkv(normed)  # [rows, 3 * units]
        qkv = qkv.reshape(rows, 3, self.heads, width)
        queries = qkv[:, 0, :, None]  # [rows, heads, 1, width]
        last = qkv[:, 1:]  # [rows, 2, heads, width]
        keys, values = state.append(layer, last)  # [rows, heads, tokens, width] each
        context, _ = attend(queries, keys, values)  # [rows, heads, 1, width]
        merged = context.reshape(rows, units)
        x += self.output(merged)


class SourceAttention(Attention):
    """Multi-head attention of the decoder to the encoder's normalised output m (Vaswani et al. 2017, section 3.2).

    Q, K, V = norm(x) W_q + b_q, m W_k + b_k, m W_v + b_v
    x = x + concatenate over heads(softmax(Q K^T / sqrt(width)) V) W_o + b_o
    """

    def __init__(self, arrays: Weights, name: str, heads: int) -> None:
        super().__init__(arrays, name, heads)
        self.query = self._after_norm("query")
        self.memory = self._after_norm("memory", norm="encoder")  # keys and values side by side

    def read(self, encoded: Array, real: Array) -> tuple[Array, Array]:
        """Keys and values of a batch of sources, each `[batch, heads, source, width]`.

        Args:
            encoded: the standardized output of the encoder, `[tokens, units]`.
            real: where the tokens are, `[batch, source]`, boolean.
        """
        projected = self.memory(encoded)  # [tokens, 2 * units]
        keys, values = self._split(projected, real, 2)
        keys = np.ascontiguousarray(keys)  # Each step reads both, so their copies pay.
        values = np.ascontiguousarray(values)
        return keys, values

    def step(self, x: Array, sources: Sources, layer: int) -> Array:
        """Lets the last token of each hypothesis look at the source.

        All hypotheses of a sentence query the same keys and values.

        Args:
            x: `[rows, units]`; overwritten.
            sources: those of all hypotheses.
            layer: number of the layer.

        Returns:
            the weights of the attention, `[batch, heads, hypotheses, source]`.
        """
        rows, units = x.shape
        batch = len(sources.mask)
        normed = standardize(x)
        projected = self.query(normed)  # [rows, units]
        by_sentence = projected.reshape(batch, -1, units)  # [batch, hypotheses, units]
        queries = split_heads(by_sentence, self.heads)  # [batch, heads, hypotheses, width]
        keys, values = sources.memory[layer]
        context, weights = attend(queries, keys, values, sources.mask)
        merged = merge_heads(context)  # [batch, hypotheses, units]
        merged = merged.reshape(rows, units)
        x += self.output(merged)
        return weights


class FeedForward(Block):
    """Two layers with a rectifier between them, at each position alone (Vaswani et al. 2017, equation 2).

    x = x + max(0, norm(x) W_1 + b_1) W_2 + b_2
    """

    def __init__(self, arrays: Weights, name: str) -> None:
        super().__init__(arrays, name)
        self.inner = self._after_norm("inner")

    def __call__(self, x: Array) -> None:
        """Overwrites x, `[tokens, units]` or `[rows, units]`."""
        normed = standardize(x)
        inner = self.inner(normed)  # [tokens or rows, feedforward]
        np.maximum(inner, 0, out=inner)
        x += self.output(inner)
