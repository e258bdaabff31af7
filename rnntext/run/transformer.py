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

from rnntext.run.arrays import Array, Sentences, Weights
from rnntext.run.attention import standardize
from rnntext.run.transformer_blocks import FeedForward, SelfAttention, SourceAttention
from rnntext.run.transformer_encoder import TransformerEncoder
from rnntext.run.transformer_state import State
from rnntext.settings.translator import TransformerConfig


def alignment_layer(layers: int) -> int:
    """The number, from 0, of the decoder's layer whose attention to the source is shown as the alignment.

    It is the last but one, whose attention comes closest to an alignment of words (Garg et al. 2019).

    Args:
        layers: of the decoder.
    """
    return max(0, layers - 2)


class Transformer(TransformerEncoder):
    """A trained Transformer.

    Args:
        config: its shape.
        arrays: its weights, as `run.transformer_shapes.shapes` names them.
    """

    def __init__(self, config: TransformerConfig, arrays: Weights) -> None:
        super().__init__(config, arrays)
        self.decoder = []
        for layer in range(config.layers):
            name = f"decoder.{layer}"
            itself = SelfAttention(arrays, f"{name}.itself", config.heads)
            source = SourceAttention(arrays, f"{name}.source", config.heads)
            feedforward = FeedForward(arrays, f"{name}.feedforward")
            self.decoder.append((itself, source, feedforward))

    def start(self, sentences: Sentences, padded_length: int) -> State:
        """The decoder's state after reading source sentences; each has one hypothesis, which is empty.

        Args:
            sentences: ids of each, at least one.
            padded_length: the length that all are padded to.
        """
        return State(self.read(sentences, padded_length))

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            state: overwritten.
            ids: `[rows]`, integers.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        aligned = alignment_layer(self.config.layers)
        position = self.positions_of("target", state.length, 1)  # [1, units]
        x = self.target[ids] + position  # [rows, units]
        state.add_tokens(ids)
        for layer, blocks in enumerate(self.decoder):
            itself, source, feedforward = blocks
            itself.step(x, state, layer)
            weights = source.step(x, state.sources, layer)
            if layer == aligned:
                state.weights = weights
            feedforward(x)
        normed = standardize(x)
        return self.logits(normed)
