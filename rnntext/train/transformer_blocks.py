"""The blocks that the layers of a Transformer consist of, in Keras (Vaswani et al. 2017), and its encoder.

Layer normalisation comes before each block instead of behind it (pre-norm; Xiong et al. 2020).
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras.initializers import RandomNormal

from rnntext.run.positions import MAX_POSITIONS, sinusoids
from rnntext.run.transformer_shapes import shapes
from rnntext.settings.translator import TranslatorTraining
from rnntext.text.tokens import PAD
from rnntext.train.layers import MASKED_SCORE, Linear, Norm
from rnntext.train.products import Tensor
from rnntext.train.translator import Translator
from rnntext.train.twin import Variables

SINUSOID_ROWS = 4 * MAX_POSITIONS + 2  # The largest `--longest` is 4 * MAX_POSITIONS; START and END are added.
LINEAR_LAYERS = ("qkv", "query", "memory", "inner", "output_layer")  # attributes of blocks


class Block(keras.layers.Layer):
    """A residual block, normalised before: x + dropout(f(norm(x))), `[batch, time, units]` to the same.

    Attributes:
        role: the name that a checkpoint has for it.
    """

    role: str

    def __init__(self, model: Translator) -> None:
        super().__init__()
        self.norm = Norm(model.width)
        self.dropout = model.drop()
        self.built = True

    def variables_by_name(self) -> Variables:
        """Trainable variables, named as in a checkpoint, without the block's own name."""
        variables = {}
        variables["norm.scale"] = self.norm.scale
        variables["norm.bias"] = self.norm.bias
        for attribute in LINEAR_LAYERS:
            layer = getattr(self, attribute, None)
            if layer is None:
                continue
            name = attribute.removesuffix("_layer")
            variables[f"{name}.kernel"] = layer.kernel
            variables[f"{name}.bias"] = layer.bias
        return variables


class Attention(Block):
    """Multi-head attention to the sequence itself or, with `source`, to the encoder's output (section 3.2).

    For each head, with d = units / heads:

        Q = norm(x) W_q,  K = y W_k,  V = y W_v      y is norm(x), or the encoder's output, which is normalised already
        attention(Q, K, V) = softmax(Q K^T / sqrt(d) + mask) V                          (equation 1)

    The results of all heads stand side by side and are multiplied by W_o. All products with a W have a bias.
    """

    def __init__(self, model: Translator, config: Any, source: bool) -> None:
        super().__init__(model)
        units = config.units
        operands = model.operands
        self.role = "source" if source else "itself"
        self.heads = config.heads
        self.operands = tf.as_dtype(operands)
        if source:
            double = 2 * units
            self.query = Linear(units, units, operands, rounded=True)
            self.memory = Linear(units, double, operands, rounded=True)
        else:
            triple = 3 * units
            self.qkv = Linear(units, triple, operands, rounded=True)
        self.output_layer = Linear(units, units, operands)

    def call(self, x: Tensor, mask: Tensor, memory: Tensor | None = None, training: bool = False) -> Tensor:
        """`[batch, time, units]` to the same.

        Args:
            x: `[batch, time, units]`.
            mask: is added to the scores; of a shape that broadcasts to theirs, `[batch, heads, time, keys]`.
            memory: the encoder's output `[batch, keys, units]`; None for attention to the sequence itself.
            training: whether dropout takes place.
        """
        # 1. Q, K and V, `[batch, heads, time or keys, d]` each.
        normed = self.norm(x)
        if memory is None:
            qkv = self.qkv(normed)  # [batch, time, 3 * units]
            q, k, v = self._split(qkv, 3)
        else:
            query = self.query(normed)  # [batch, time, units]
            keys_and_values = self.memory(memory)  # [batch, keys, 2 * units]
            (q,) = self._split(query, 1)
            k, v = self._split(keys_and_values, 2)

        # 2. softmax(Q K^T / sqrt(d) + mask) V
        d = int(q.shape[-1])
        scores = tf.matmul(q, k, transpose_b=True)  # [batch, heads, time, keys]
        scores = tf.cast(scores, tf.float32)
        scale = d**-0.5
        scores = scores * scale + mask
        weights = tf.nn.softmax(scores)
        weights = tf.cast(weights, self.operands)
        context = tf.matmul(weights, v)  # [batch, heads, time, d]

        # 3. The heads side by side.
        context = tf.transpose(context, [0, 2, 1, 3])  # [batch, time, heads, d]
        shape = tf.shape(x)
        context = tf.reshape(context, shape)  # [batch, time, units]
        y = self.output_layer(context)
        return x + self.dropout(y, training=training)

    def _split(self, x: Tensor, count: int) -> list[Tensor]:
        """`[batch, time, count * units]` to `count` tensors `[batch, heads, time, d]`."""
        shape = tf.shape(x)
        batch = shape[0]
        time = shape[1]
        vectors = count * self.heads
        d = x.shape[-1] // vectors
        x = tf.reshape(x, [batch, time, count, self.heads, d])  # [batch, time, count, heads, d]
        x = tf.transpose(x, [2, 0, 3, 1, 4])  # [count, batch, heads, time, d]
        parts: list[Tensor] = tf.unstack(x)
        return parts


class FeedForward(Block):
    """x + dropout(max(0, norm(x) W_1 + b_1) W_2 + b_2), at each position alone (section 3.3, equation 2)."""

    role = "feedforward"

    def __init__(self, model: Translator, config: Any) -> None:
        super().__init__(model)
        units = config.units
        feedforward = config.feedforward
        operands = model.operands
        self.inner = Linear(units, feedforward, operands, rounded=True)
        self.output_layer = Linear(feedforward, units, operands)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """`[batch, time, units]` to the same."""
        normed = self.norm(x)
        inner = self.inner(normed)  # [batch, time, feedforward]
        inner = tf.nn.relu(inner)
        y = self.output_layer(inner)  # [batch, time, units]
        return x + self.dropout(y, training=training)


class TransformerEncoder(Translator):
    """See `Translator`. What a Transformer and a hybrid have in common: all but the layers of the decoder.

    The memory is the encoder's output `[batch, source, units]` and the mask of its padding.

    Args:
        config: a TransformerConfig or a HybridConfig.
        sizes, training, operands: see Translator.
    """

    def __init__(
        self,
        config: Any,
        sizes: tuple[int, int],
        training: TranslatorTraining | None = None,
        operands: str = "float32",
    ) -> None:
        weight_shapes = shapes(config, *sizes)
        super().__init__(config, sizes, weight_shapes, config.units, training, operands)

        # 1. Positions.
        self.learned_positions = {}
        for side in ("source", "target"):
            name = f"{side}.positions"
            if name in weight_shapes:
                initializer = RandomNormal(stddev=0.1)
                self.learned_positions[side] = self.add_weight(shape=weight_shapes[name], initializer=initializer)

        # 2. Encoder and decoder. Keras numbers layers in the order in which they become attributes; so a list becomes
        # one when it is complete.
        encoder = []
        for _ in range(config.layers):
            attend_to_itself = Attention(self, config, source=False)
            feedforward = FeedForward(self, config)
            encoder.append([attend_to_itself, feedforward])
        self.encoder = encoder
        self.encoder_norm = Norm(config.units)
        self.decoder = self.decoder_layers()
        self.decoder_norm = Norm(config.units)

        # 3. Dropout and output layer.
        self.embedding_dropouts = [self.drop(), self.drop()]
        self.finish()

    def decoder_layers(self) -> list[list[Block]]:
        """The blocks of each layer of the decoder, new ones."""
        raise NotImplementedError

    def encode(self, source: Tensor, training: bool) -> tuple[Any, ...]:
        """The encoder's output `[batch, source, units]`, and its mask `[batch, 1, 1, source]`."""
        padding = source == PAD  # [batch, source]
        padding = tf.cast(padding, tf.float32)
        padding = padding[:, None, None]  # [batch, 1, 1, source]
        mask = padding * MASKED_SCORE
        x = self.embed(self.source_embedding, source)  # [batch, source, units]
        positions = self.positions("source", source)  # [source, units]
        x = x + positions
        x = self.embedding_dropouts[0](x, training=training)
        for attend_to_itself, feedforward in self.encoder:
            x = attend_to_itself(x, mask, training=training)
            x = feedforward(x, training=training)
        return self.encoder_norm(x), mask

    def positions(self, side: str, ids: Tensor) -> Tensor:
        """Positional encodings `[time, units]` of ids `[batch, time]`.

        Args:
            side: "source" or "target".
        """
        length = tf.shape(ids)[1]
        if side not in self.learned_positions:
            table = sinusoids(SINUSOID_ROWS, self.config.units)
            return tf.constant(table)[:length]
        table = tf.convert_to_tensor(self.learned_positions[side])  # [positions, units]
        last = MAX_POSITIONS - 1
        positions = tf.range(length)  # [time]
        rows = tf.minimum(positions, last)
        return tf.gather(table, rows)

    def own_variables(self) -> Variables:
        """See Translator."""
        variables: Variables = {}
        for side, positions in self.learned_positions.items():
            variables[f"{side}.positions"] = positions
        sides = {"encoder": (self.encoder, self.encoder_norm), "decoder": (self.decoder, self.decoder_norm)}
        for side, (layers, norm) in sides.items():
            variables[f"{side}.norm.scale"] = norm.scale
            variables[f"{side}.norm.bias"] = norm.bias
            for number, blocks in enumerate(layers):
                for block in blocks:
                    for name, variable in block.variables_by_name().items():
                        variables[f"{side}.{number}.{block.role}.{name}"] = variable
        return variables
