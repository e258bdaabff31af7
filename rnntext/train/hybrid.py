"""A Transformer's encoder and a recurrent decoder in Keras: what `run/hybrid.py` computes token by token,
differentiable, over whole sentences."""

from __future__ import annotations

from typing import Any

from rnntext.train.layers import Linear
from rnntext.train.products import Tensor
from rnntext.train.recurrent import FastGRU
from rnntext.train.transformer_blocks import Attention, Block, FeedForward, TransformerEncoder
from rnntext.train.translator import Translator
from rnntext.train.twin import Variables


class Recurrent(Block):
    """x + dropout(h W_o + b_o), where h_t = GRU(norm(x_1) ... norm(x_t)): `[batch, time, units]` to the same."""

    role = "recurrent"

    def __init__(self, model: Translator, config: Any) -> None:
        super().__init__(model)
        units = config.units
        self.gru = FastGRU(units, return_sequences=True, recurrent_initializer="orthogonal", operands=model.operands)
        self.gru.build((None, None, units))
        self.output_layer = Linear(units, units, model.operands)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """`[batch, time, units]` to the same."""
        normed = self.norm(x)
        h = self.gru(normed, training=training)  # [batch, time, units]
        y = self.output_layer(h)
        return x + self.dropout(y, training=training)

    def variables_by_name(self) -> Variables:
        """See Block."""
        cell = self.gru.cell
        return {
            **super().variables_by_name(),
            "gru.kernel": cell.kernel,
            "gru.recurrent_kernel": cell.recurrent_kernel,
            "gru.bias": cell.bias,
        }


class Hybrid(TransformerEncoder):
    """See `TransformerEncoder`."""

    def decoder_layers(self) -> list[list[Block]]:
        """See TransformerEncoder."""
        layers: list[list[Block]] = []
        for _ in range(self.config.decoder_layers):
            recurrent = Recurrent(self, self.config)
            attend_to_source = Attention(self, self.config, source=True)
            feedforward = FeedForward(self, self.config)
            layers.append([recurrent, attend_to_source, feedforward])
        return layers

    def decode(self, target: Tensor, memory: tuple[Any, ...], training: bool) -> Tensor:
        """See Translator."""
        encoded, mask = memory
        x = self.embed(self.target_embedding, target)  # [batch, target, units]
        x = self.embedding_dropouts[1](x, training=training)
        for recurrent, attend_to_source, feedforward in self.decoder:
            x = recurrent(x, training=training)
            x = attend_to_source(x, mask, encoded, training=training)
            x = feedforward(x, training=training)
        return self.decoder_norm(x)
