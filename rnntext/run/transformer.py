"""The Transformer in NumPy, one token at a time: the twin of `train/transformer.py`, and the one that users run.

Vaswani et al. 2017, with layer normalisation before each block instead of behind it (pre-norm; Xiong et al. 2020). An
encoder reads the source, a decoder reads the tokens of the translation so far and computes logits of the next one:

    encoder layer: x = x + self_attention(norm(x))
                   x = x + feedforward(norm(x))
    decoder layer: x = x + self_attention(norm(x))
                   x = x + source_attention(norm(x), norm(output of the encoder))
                   x = x + feedforward(norm(x))
    logits = norm(x) W + b

The decoder keeps the keys and the values of all tokens so far, and of the source, so that a step computes one token.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, Sentences, Weights
from rnntext.run.attention import centre, lengths_of, padding_mask, standardize
from rnntext.run.positions import MAX_POSITIONS, centred_sinusoids
from rnntext.run.transformer_blocks import FeedForward, SelfAttention, SourceAttention, after_norm
from rnntext.run.transformer_state import State
from rnntext.settings.translator import TransformerConfig


def alignment_layer(config: TransformerConfig) -> int:
    """The number, from 0, of the decoder's layer whose attention to the source is shown as the alignment.

    It is the last but one, whose attention comes closest to an alignment of words (Garg et al. 2019).
    """
    return max(0, config.layers - 2)


class Transformer:
    """A trained Transformer.

    Args:
        config: its shape.
        arrays: its weights, as `run.transformer_shapes.shapes` names them.
    """

    def __init__(self, config: TransformerConfig, arrays: Weights) -> None:
        self.config = config
        self.arrays = arrays

        # 1. Embeddings, multiplied by sqrt(units) (Vaswani et al. 2017, section 3.4), and learned positions; all are
        # centred, as `run/transformer_blocks.py` wants what is added to x.
        scale = np.float32(config.units**0.5)
        embedding = arrays["source.embedding"]  # [vocabulary, units]
        self.source = centre(embedding * scale)
        self.target = self.source
        if not config.one_embedding:
            embedding = arrays["target.embedding"]
            self.target = centre(embedding * scale)
        self.positions: dict[str, Array] = {}
        if config.positions == "learned":
            for side in ("source", "target"):
                positions = arrays[f"{side}.positions"]
                self.positions[side] = centre(positions)

        # 2. Layers.
        heads = config.heads
        self.encoder: list[tuple[SelfAttention, FeedForward]] = []
        self.decoder: list[tuple[SelfAttention, SourceAttention, FeedForward]] = []
        for layer in range(config.layers):
            name = f"encoder.{layer}"
            itself = SelfAttention(arrays, f"{name}.itself", heads)
            feedforward = FeedForward(arrays, f"{name}.feedforward")
            self.encoder.append((itself, feedforward))

            name = f"decoder.{layer}"
            itself = SelfAttention(arrays, f"{name}.itself", heads)
            source = SourceAttention(arrays, f"{name}.source", heads)
            feedforward = FeedForward(arrays, f"{name}.feedforward")
            self.decoder.append((itself, source, feedforward))

        # 3. The output layer, whose kernel may be the target embedding, transposed.
        kernel = embedding.T  # [units, vocabulary]
        if not config.tied:
            kernel = arrays["logits.kernel"]
        bias = arrays["logits.bias"]
        self.logits = after_norm(arrays, "decoder", kernel, bias)

    def start(self, sentences: Sentences, padded_length: int) -> State:
        """The decoder's state after reading source sentences; each has one hypothesis, which is empty.

        Args:
            sentences: ids of each, at least one.
            padded_length: the length that all are padded to.
        """
        lengths = lengths_of(sentences)  # [batch]
        mask = padding_mask(lengths, padded_length)  # [batch, source]
        real = mask == 0
        mask = mask[:, None, None]  # [batch, 1, 1, source]
        encoded = self.encode(sentences, real, mask)  # [tokens, units]
        memory = []
        for _, source, _ in self.decoder:
            keys_and_values = source.read(encoded, real)
            memory.append(keys_and_values)
        return State(memory, mask)

    def encode(self, sentences: Sentences, real: Array, mask: Array) -> Array:
        """The standardized output of the encoder for all sentences, one after another, without padding.

        Args:
            sentences: ids of each.
            real: where the tokens are in the padded batch, `[batch, source]`, boolean.
            mask: 0 there and -inf elsewhere, `[batch, 1, 1, source]`.

        Returns:
            `[tokens, units]`.
        """
        ids = np.concatenate(sentences)  # [tokens]
        positions = []
        for sentence in sentences:
            length = len(sentence)
            encodings = self._positions("source", 0, length)  # [length, units]
            positions.append(encodings)
        x = self.source[ids]  # [tokens, units]
        x += np.concatenate(positions)
        for itself, feedforward in self.encoder:
            itself.encode(x, real, mask)
            feedforward(x)
        return standardize(x)

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            state: overwritten.
            ids: `[rows]`, integers.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        aligned = alignment_layer(self.config)
        position = self._positions("target", state.length, 1)  # [1, units]
        x = self.target[ids] + position  # [rows, units]
        state.add_tokens(ids)
        for layer, blocks in enumerate(self.decoder):
            itself, source, feedforward = blocks
            itself.step(x, state, layer)
            weights = source.step(x, state, layer)
            if layer == aligned:
                state.weights = weights
            feedforward(x)
        normed = standardize(x)
        return self.logits(normed)

    def _positions(self, side: str, begin: int, count: int) -> Array:
        """The centred encodings of `count` positions from `begin` on, `[count, units]`.

        Args:
            side: "source" or "target".
        """
        end = begin + count
        if self.config.positions == "sinusoidal":
            # The number of rows is a power of two, so that few different tables are made and cached.
            rows = 1 << (end - 1).bit_length()
            rows = max(MAX_POSITIONS, rows)
            table = centred_sinusoids(rows, self.config.units)
            return np.asarray(table[begin:end])
        positions = np.arange(begin, end)
        last = MAX_POSITIONS - 1
        learned = np.minimum(positions, last)
        table = self.positions[side]
        return np.asarray(table[learned])
