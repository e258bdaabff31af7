"""The GRU encoder-decoder in Keras: what `run/gru_translator.py` computes token by token, differentiable and over
whole sentences.

    encoder:   x_s = [GRU(x_1 ... x_s), GRU(x_S ... x_s)], layer upon layer    (Bahdanau, Cho, Bengio 2015, section 3.2)
    decoder:   h_0 = tanh([last states of both directions] W_bridge + b_bridge), for each layer
               h_t = GRU(y_1 ... y_t), and c_t = attention(h_t, x) after the first layer
               the other layers read [h_t, c_t], and so does the output layer: tanh([h_t, c_t] W + b)
    attention: e_ts = v . tanh(h_t W_query + b_query + x_s W_keys)      additive (Bahdanau et al. 2015, appendix A.1.2)
               e_ts = h_t . (x_s W_keys)                                multiplicative (Luong et al. 2015, section 3.1)
               c_t = sum over s of softmax(e_t)_s x_s

As the queries come from the first decoder layer, which reads nothing of the attention, all steps of a layer run in one
loop, and all of the attention is a few products.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras.initializers import RandomNormal

from rnntext.run.gru_shapes import shapes
from rnntext.settings.translator import GRUConfig, TranslatorTraining
from rnntext.text.tokens import PAD
from rnntext.train.layers import MASKED_SCORE, Linear
from rnntext.train.products import Tensor, product
from rnntext.train.recurrent import FastGRU
from rnntext.train.translator import Translator
from rnntext.train.twin import Variables


class GRUTranslator(Translator):
    """See `Translator`. The memory is the encoder's output, the mask of its padding, and the decoder's first states."""

    def __init__(
        self,
        config: GRUConfig,
        sizes: tuple[int, int],
        training: TranslatorTraining | None = None,
        operands: str = "float32",
    ) -> None:
        weight_shapes = shapes(config, *sizes)
        super().__init__(config, sizes, weight_shapes, config.embedding, training, operands)
        units = config.units
        context = 0 if config.attention == "none" else 2 * units

        # 1. Encoder, and what its last states become.
        encoder = []
        features = self.width
        for _ in range(config.layers):
            forward = self._gru(features)
            backward = self._gru(features, backwards=True)
            encoder.append([forward, backward])
            features = 2 * units
        self.encoder = encoder
        both = 2 * units  # directions, side by side
        self.bridge = [Linear(both, units, operands) for _ in range(config.layers)]

        # 2. Decoder and attention.
        decoder = []
        features = self.width
        for _ in range(config.layers):
            decoder.append(self._gru(features))
            features = units + context
        self.decoder = decoder
        if config.attention != "none":
            self.keys = Linear(both, units, operands, bias=False)
        if config.attention == "additive":
            self.query = Linear(units, units, operands)
            initializer = RandomNormal(stddev=units**-0.5)
            self.score = self.add_weight(shape=(units,), initializer=initializer)

        # 3. Output layer and dropout.
        output_features = units + context
        self.output_layer = Linear(output_features, self.width, operands)
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
        """The encoder's output `[batch, source, 2 * units]`, its mask `[batch, source]`, and the decoder's first states
        `[batch, units]`."""
        real = source != PAD  # [batch, source]
        x = self.embed(self.source_embedding, source)  # [batch, source, width]
        x = self.embedding_dropouts[0](x, training=training)
        pairs = zip(self.encoder, self.encoder_dropouts, strict=True)
        for layers, dropout in pairs:
            forward, backward = layers
            ahead, last_ahead = forward(x, mask=real, training=training)  # [batch, source, units], [batch, units]
            back, last_back = backward(x, mask=real, training=training)
            back = tf.reverse(back, [1])  # in the order of the source
            x = tf.concat([ahead, back], axis=-1)  # [batch, source, 2 * units]
            x = dropout(x, training=training)
        last = tf.concat([last_ahead, last_back], axis=-1)  # [batch, 2 * units]
        states = [tf.tanh(layer(last)) for layer in self.bridge]  # [batch, units] each
        padding = tf.cast(~real, tf.float32)
        mask = padding * MASKED_SCORE
        return x, mask, states

    def decode(self, target: Tensor, memory: tuple[Any, ...], training: bool) -> Tensor:
        """See Translator."""
        encoded, mask, states = memory
        x = self.embed(self.target_embedding, target)  # [batch, target, width]
        x = self.embedding_dropouts[1](x, training=training)
        pairs = zip(self.decoder, states, strict=True)
        for number, (layer, state) in enumerate(pairs):
            h, _ = layer(x, initial_state=[state], training=training)  # [batch, target, units]
            if number == 0:
                context = self._attend(h, encoded, mask)  # [batch, target, 2 * units]
            h = self.decoder_dropouts[number](h, training=training)
            x = h
            if context is not None:
                x = tf.concat([h, context], axis=-1)  # [batch, target, 3 * units]
        y = tf.tanh(self.output_layer(x))  # [batch, target, width]
        return self.output_dropout(y, training=training)

    def _attend(self, queries: Tensor, encoded: Tensor, mask: Tensor) -> Tensor | None:
        """What each target position reads in the source, `[batch, target, 2 * units]`; None without attention.

        Args:
            queries: `[batch, target, units]`.
            encoded: the encoder's output `[batch, source, 2 * units]`.
            mask: is added to the scores, `[batch, source]`.
        """
        if self.config.attention == "none":
            return None
        operands = tf.as_dtype(self.operands)
        keys = self.keys(encoded)  # [batch, source, units]
        if self.config.attention == "additive":
            queries = self.query(queries)  # [batch, target, units]
            queries = queries[:, :, None]  # [batch, target, 1, units]
            keys = keys[:, None]  # [batch, 1, source, units]
            mixed = tf.tanh(queries + keys)  # [batch, target, source, units]
            v = tf.convert_to_tensor(self.score)
            scores = tf.linalg.matvec(mixed, v)  # [batch, target, source]
        else:
            scores = product(queries, keys, operands, transpose_b=True)  # [batch, target, source]
        mask = mask[:, None]  # [batch, 1, source]
        weights = tf.nn.softmax(scores + mask)
        return product(weights, encoded, operands)

    def own_variables(self) -> Variables:
        """See Translator."""
        # 1. Recurrent layers.
        recurrent = {}
        for number, layer in enumerate(self.decoder):
            recurrent[f"decoder.{number}"] = layer
        for number, (forward, backward) in enumerate(self.encoder):
            recurrent[f"encoder.{number}.forward"] = forward
            recurrent[f"encoder.{number}.backward"] = backward
        variables: Variables = {}
        for name, layer in recurrent.items():
            cell = layer.cell
            variables[f"{name}.kernel"] = cell.kernel
            variables[f"{name}.recurrent_kernel"] = cell.recurrent_kernel
            variables[f"{name}.bias"] = cell.bias

        # 2. Linear layers.
        linear = {"output": self.output_layer}
        for number, layer in enumerate(self.bridge):
            linear[f"bridge.{number}"] = layer
        if self.config.attention == "additive":
            linear["attention.query"] = self.query
            variables["attention.score"] = self.score
        if self.config.attention != "none":
            variables["attention.keys.kernel"] = self.keys.kernel
        for name, layer in linear.items():
            variables[f"{name}.kernel"] = layer.kernel
            variables[f"{name}.bias"] = layer.bias
        return variables
