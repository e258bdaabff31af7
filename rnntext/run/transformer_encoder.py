"""What the models with a Transformer's encoder have in common, in NumPy: embeddings, encoder and output layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnntext.run.arrays import Array, Sentences, Weights
from rnntext.run.attention import centre, lengths_of, padding_mask, standardize
from rnntext.run.positions import MAX_POSITIONS, centred_sinusoids
from rnntext.run.transformer_blocks import FeedForward, SelfAttention, SourceAttention, after_norm
from rnntext.run.transformer_state import Sources


class TransformerEncoder:
    """The encoder of a Transformer (Vaswani et al. 2017), with embeddings and output layer of both sides.

    encoder layer: x = x + self_attention(norm(x))
                   x = x + feedforward(norm(x))

    Args:
        config: of the model, a TransformerConfig or a HybridConfig.
        arrays: its weights, as `run.transformer_shapes.shapes` names them.

    Attributes:
        sides: those whose tokens have positions.
        decoder: the blocks of each of its layers: one that looks back, attention to the source, feed-forward.
    """

    decoder: list[tuple[Any, SourceAttention, FeedForward]]
    sides: tuple[str, ...] = ("source", "target")

    def __init__(self, config: Any, arrays: Weights) -> None:
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
            for side in self.sides:
                positions = arrays[f"{side}.positions"]
                self.positions[side] = centre(positions)

        # 2. Layers.
        self.encoder: list[tuple[SelfAttention, FeedForward]] = []
        for layer in range(config.layers):
            name = f"encoder.{layer}"
            itself = SelfAttention(arrays, f"{name}.itself", config.heads)
            feedforward = FeedForward(arrays, f"{name}.feedforward")
            self.encoder.append((itself, feedforward))

        # 3. The output layer, whose kernel may be the target embedding, transposed.
        kernel = embedding.T  # [units, vocabulary]
        if not config.tied:
            kernel = arrays["logits.kernel"]
        bias = arrays["logits.bias"]
        self.logits = after_norm(arrays, "decoder", kernel, bias)

    def read(self, sentences: Sentences, padded_length: int) -> Sources:
        """What the decoder knows of source sentences.

        Args:
            sentences: ids of each, at least one.
            padded_length: the length that all are padded to.
        """
        lengths = lengths_of(sentences)  # [batch]
        mask = padding_mask(lengths, padded_length)  # [batch, source]
        real = mask == 0
        mask = mask[:, None, None]  # [batch, 1, 1, source]
        encoded = self.encode(sentences, real, mask)  # [tokens, units]
        memory = [source.read(encoded, real) for _, source, _ in self.decoder]
        return Sources(memory, mask)

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
            encodings = self.positions_of("source", 0, length)  # [length, units]
            positions.append(encodings)
        x = self.source[ids]  # [tokens, units]
        x += np.concatenate(positions)
        for itself, feedforward in self.encoder:
            itself.encode(x, real, mask)
            feedforward(x)
        return standardize(x)

    def positions_of(self, side: str, begin: int, count: int) -> Array:
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
