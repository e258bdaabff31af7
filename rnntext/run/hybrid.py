"""A Transformer's encoder and a recurrent decoder in NumPy, one token at a time: the twin of `train/hybrid.py`.

The decoder is that of a Transformer in which a GRU takes the place of the attention to itself (as the SSRU does in Kim
et al. 2019; Hsu et al. 2020 compare such decoders). A prime marks a new state:

    encoder layer: see `run/transformer.py`
    decoder layer: h' = GRU(norm(x), h)
                   x = x + h' W_o + b_o
                   x = x + source_attention(norm(x), norm(output of the encoder))
                   x = x + feedforward(norm(x))
    logits = norm(x) W + b

What goes from step to step is one vector h for each layer, however long the translation is. The GRU counts the tokens,
so that the decoder has no positions.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, Sentences, Weights, empty, zeros
from rnntext.run.attention import rows_of, standardize
from rnntext.run.gru_layer import GRULayer
from rnntext.run.transformer import alignment_layer
from rnntext.run.transformer_blocks import Block, FeedForward, SourceAttention
from rnntext.run.transformer_encoder import TransformerEncoder
from rnntext.run.transformer_state import Sources
from rnntext.settings.translator import HybridConfig


class State:
    """The decoder's memory of a batch of sentences and of the hypotheses for each (see `run.model.State`).

    Attributes:
        sources: what it knows of them.
        h: the state of each layer, `[rows, units]`.
        attention: how the last step looked at the source, `[rows, source]`: the mean over the heads of one layer.
    """

    def __init__(self, sources: Sources, units: int) -> None:
        batch, _, _, source = sources.mask.shape
        self.sources = sources
        self.h = [zeros(batch, units) for _ in sources.memory]
        self.attention = empty(0, source)

    def reorder(self, rows: Array) -> None:
        """Makes row r go on with what row rows[r], of the same sentence, has read."""
        self.h = [layer[rows] for layer in self.h]

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        first = self.h[0]  # [rows, units]
        rows = rows_of(sentences, len(first), len(self.sources.mask))
        self.reorder(rows)
        self.sources.keep(sentences)


class Recurrent(Block):
    """A GRU as a block: x = x + h' W_o + b_o, where h' = GRU(norm(x), h).

    Args:
        arrays: the weights of the model.
        name: of the block, such as "decoder.0.recurrent".
    """

    def __init__(self, arrays: Weights, name: str) -> None:
        super().__init__(arrays, name)
        # The scale s and the bias c of the normalisation are part of the GRU's first product:
        # (s x + c) W + b = x (s W) + (c W + b).
        gru = f"{name}.gru"
        scale = arrays[f"{name}.norm.scale"]
        norm_bias = arrays[f"{name}.norm.bias"]
        kernel = arrays[f"{gru}.kernel"]  # [units, 3 * units]
        input_bias, recurrent_bias = arrays[f"{gru}.bias"]  # [3 * units] each
        moved = norm_bias @ kernel
        folded = {
            f"{gru}.kernel": scale[:, None] * kernel,
            f"{gru}.recurrent_kernel": arrays[f"{gru}.recurrent_kernel"],
            f"{gru}.bias": np.stack([input_bias + moved, recurrent_bias]),
        }
        self.gru = GRULayer(folded, gru)

    def step(self, x: Array, h: Array) -> None:
        """Reads one token of each hypothesis.

        Args:
            x: `[rows, units]`; overwritten.
            h: `[rows, units]`; overwritten.
        """
        normed = standardize(x)
        projected = self.gru.project(normed)  # [3, rows, units]
        self.gru.step(projected, h)
        x += self.output(h)


class Hybrid(TransformerEncoder):
    """A trained hybrid.

    Args:
        config: its shape.
        arrays: its weights, as `run.transformer_shapes.shapes` names them.
    """

    sides = ("source",)

    def __init__(self, config: HybridConfig, arrays: Weights) -> None:
        super().__init__(config, arrays)
        self.aligned = alignment_layer(config.decoder_layers)
        self.decoder = []
        for layer in range(config.decoder_layers):
            name = f"decoder.{layer}"
            recurrent = Recurrent(arrays, f"{name}.recurrent")
            source = SourceAttention(arrays, f"{name}.source", config.heads)
            feedforward = FeedForward(arrays, f"{name}.feedforward")
            self.decoder.append((recurrent, source, feedforward))

    def start(self, sentences: Sentences, padded_length: int) -> State:
        """The decoder's state after reading source sentences; each has one hypothesis, which is empty.

        Args:
            sentences: ids of each, at least one.
            padded_length: the length that all are padded to.
        """
        return State(self.read(sentences, padded_length), self.config.units)

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            state: overwritten.
            ids: `[rows]`, integers.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        x = self.target[ids]  # [rows, units]
        for layer, (recurrent, source, feedforward) in enumerate(self.decoder):
            recurrent.step(x, state.h[layer])
            weights = source.step(x, state.sources, layer)  # [batch, heads, hypotheses, source]
            if layer == self.aligned:
                mean = weights.mean(axis=1)  # [batch, hypotheses, source]
                state.attention = mean.reshape(len(x), -1)
            feedforward(x)
        normed = standardize(x)
        return self.logits(normed)
