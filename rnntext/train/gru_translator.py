"""The GRU encoder-decoder in Keras: what `run/gru_translator.py` computes token by token, differentiable and over
whole sentences. As the attention's queries come from the first decoder layer alone, all steps of a layer run in one
loop and all of the attention is a few products."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from rnntext.config import GRUConfig, TranslatorTraining
from rnntext.run.gru_translator import shapes
from rnntext.text.tokens import PAD
from rnntext.train.layers import NEVER, Linear
from rnntext.train.recurrent import FastGRU, Tensor, product
from rnntext.train.translator import Translator


class GRUTranslator(Translator):
    """See `Translator`."""

    def __init__(
        self,
        config: GRUConfig,
        sizes: tuple[int, int],
        training: TranslatorTraining | None = None,
        operands: str = "float32",
    ) -> None:
        super().__init__(config, sizes, shapes(config, *sizes), config.embedding, training, operands)
        u = config.units
        context = 0 if config.attention == "none" else 2 * u
        self.encoder = [
            [self._gru(2 * u if n else self.width), self._gru(2 * u if n else self.width, backwards=True)]
            for n in range(config.layers)
        ]
        self.bridge = [Linear(2 * u, u, operands) for _ in range(config.layers)]
        self.decoder = [self._gru(u + context if n else self.width) for n in range(config.layers)]
        if config.attention != "none":
            self.keys = Linear(2 * u, u, operands, bias=False)
        if config.attention == "additive":
            self.query = Linear(u, u, operands)
            self.score = self.add_weight(shape=(u,), initializer=keras.initializers.RandomNormal(stddev=u**-0.5))
        self.output_layer = Linear(u + context, self.width, operands)
        self.embedding_dropouts = [self.drop(), self.drop()]
        self.encoder_dropouts = [self.drop() for _ in self.encoder]
        self.decoder_dropouts = [self.drop() for _ in self.decoder]
        self.output_dropout = self.drop()
        self.finish()

    def _gru(self, features: int, backwards: bool = False) -> FastGRU:
        layer = FastGRU(
            self.config.units,
            return_sequences=True,
            return_state=True,
            go_backwards=backwards,
            recurrent_initializer="orthogonal",
            operands=self.operands,
        )
        layer.build((None, None, features))
        return layer

    def encode(self, source: Tensor, training: bool) -> tuple[Any, ...]:
        """Memory `[batch, source, 2 units]`, its mask `[batch, source]`, and the decoder's first states
        `[batch, units]`."""
        real = source != PAD
        x = self.embedding_dropouts[0](self.embed(self.source_embedding, source), training=training)
        for (forward, backward), dropout in zip(self.encoder, self.encoder_dropouts, strict=True):
            ahead, last_ahead = forward(x, mask=real, training=training)
            back, last_back = backward(x, mask=real, training=training)
            x = dropout(tf.concat([ahead, tf.reverse(back, [1])], axis=-1), training=training)
        final = tf.concat([last_ahead, last_back], axis=-1)
        return x, tf.cast(~real, tf.float32) * NEVER, [tf.tanh(layer(final)) for layer in self.bridge]

    def decode(self, target: Tensor, memory: tuple[Any, ...], training: bool) -> Tensor:
        """See Translator."""
        source, mask, states = memory
        x = self.embedding_dropouts[1](self.embed(self.target_embedding, target), training=training)
        for number, (layer, state) in enumerate(zip(self.decoder, states, strict=True)):
            h, _ = layer(x, initial_state=[state], training=training)
            if number == 0:
                context = self._attend(h, source, mask)
            h = self.decoder_dropouts[number](h, training=training)
            x = h if context is None else tf.concat([h, context], axis=-1)
        return self.output_dropout(tf.tanh(self.output_layer(x)), training=training)

    def _attend(self, queries: Tensor, source: Tensor, mask: Tensor) -> Tensor | None:
        """What each target position finds in the source, `[batch, target, 2 units]`."""
        if self.config.attention == "none":
            return None
        keys = self.keys(source)
        if self.config.attention == "additive":
            mixed = tf.tanh(self.query(queries)[:, :, None] + keys[:, None])  # [batch, target, source, units]
            scores = tf.linalg.matvec(mixed, tf.convert_to_tensor(self.score))
        else:
            scores = product(queries, keys, tf.as_dtype(self.operands), transpose_b=True)
        return product(tf.nn.softmax(scores + mask[:, None]), source, tf.as_dtype(self.operands))

    def named_variables(self) -> dict[str, keras.Variable]:
        """See Translator."""
        found = self.shared_variables()
        cells = {f"decoder.{n}": layer for n, layer in enumerate(self.decoder)}
        for number, pair in enumerate(self.encoder):
            cells |= {
                f"encoder.{number}.{way}": layer for way, layer in zip(("forward", "backward"), pair, strict=True)
            }
        for name, layer in cells.items():
            for part in ("kernel", "recurrent_kernel", "bias"):
                found[f"{name}.{part}"] = getattr(layer.cell, part)
        linear = {f"bridge.{n}": layer for n, layer in enumerate(self.bridge)} | {"output": self.output_layer}
        if self.config.attention != "none":
            found["attention.keys.kernel"] = self.keys.kernel
        if self.config.attention == "additive":
            linear["attention.query"] = self.query
            found["attention.score"] = self.score
        for name, layer in linear.items():
            found |= {f"{name}.kernel": layer.kernel, f"{name}.bias": layer.bias}
        return found
