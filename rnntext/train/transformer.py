"""The Transformer in Keras: what `run/transformer.py` computes token by token, differentiable, over whole sentences.

Vaswani et al. 2017, with layer normalisation before each block instead of behind it (pre-norm; Xiong et al. 2020).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rnntext.train.layers import MASKED_SCORE
from rnntext.train.products import Tensor
from rnntext.train.transformer_blocks import Attention, Block, FeedForward, TransformerEncoder


class Transformer(TransformerEncoder):
    """See `TransformerEncoder`."""

    def decoder_layers(self) -> list[list[Block]]:
        """See TransformerEncoder."""
        layers: list[list[Block]] = []
        for _ in range(self.config.layers):
            attend_to_itself = Attention(self, self.config, source=False)
            attend_to_source = Attention(self, self.config, source=True)
            feedforward = FeedForward(self, self.config)
            layers.append([attend_to_itself, attend_to_source, feedforward])
        return layers

    def decode(self, target: Tensor, memory: tuple[Any, ...], training: bool) -> Tensor:
        """See Translator. A causal mask keeps a position from seeing those behind it."""
        encoded, mask = memory
        length = tf.shape(target)[1]
        ones = tf.ones([length, length])  # [target, target]
        visible = tf.linalg.band_part(ones, -1, 0)  # 1 up to the diagonal, else 0
        causal_mask = (1.0 - visible) * MASKED_SCORE
        x = self.embed(self.target_embedding, target)  # [batch, target, units]
        positions = self.positions("target", target)  # [target, units]
        x = x + positions
        x = self.embedding_dropouts[1](x, training=training)
        for attend_to_itself, attend_to_source, feedforward in self.decoder:
            x = attend_to_itself(x, causal_mask, training=training)
            x = attend_to_source(x, mask, encoded, training=training)
            x = feedforward(x, training=training)
        return self.decoder_norm(x)
