"""The Transformer in Keras: what `run/transformer.py` computes token by token, differentiable, over whole sentences."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from rnntext.config import TransformerConfig, TranslatorTraining
from rnntext.run.transformer import MOST_POSITIONS, shapes, sinusoids
from rnntext.text.tokens import PAD
from rnntext.train.layers import NEVER, Linear, Norm
from rnntext.train.recurrent import Tensor
from rnntext.train.translator import Translator


class Block(keras.layers.Layer):
    """x + dropout(f(norm(x))): normalised before, not after (Xiong et al. 2020)."""

    def __init__(self, model: Translator) -> None:
        super().__init__()
        self.norm = Norm(model.width)
        self.dropout = model.drop()
        self.built = True

    def variables_by_name(self) -> dict[str, keras.Variable]:
        """Trainable variables, named as in a checkpoint, without the block's own name."""
        found = {"norm.scale": self.norm.scale, "norm.bias": self.norm.bias}
        for name in ("qkv", "query", "memory", "inner", "output_layer"):
            if (layer := getattr(self, name, None)) is not None:
                short = name.removesuffix("_layer")
                found |= {f"{short}.kernel": layer.kernel, f"{short}.bias": layer.bias}
        return found


class Attention(Block):
    """Multi-head attention (Vaswani et al. 2017, section 3.2) to the sequence itself or, with `source`, to the
    encoder's output."""

    def __init__(self, model: Translator, config: TransformerConfig, source: bool) -> None:
        super().__init__(model)
        d, operands = config.units, model.operands
        self.heads, self.source = config.heads, source
        self.operands = tf.as_dtype(operands)
        if source:
            self.query = Linear(d, d, operands, rounded=True)
            self.memory = Linear(d, 2 * d, operands, rounded=True)
        else:
            self.qkv = Linear(d, 3 * d, operands, rounded=True)
        self.output_layer = Linear(d, d, operands)

    def call(self, x: Tensor, mask: Tensor, memory: Tensor | None = None, training: bool = False) -> Tensor:
        """`[batch, time, units]` to the same; `mask` is added to the scores `[batch, heads, time, keys]`; `memory` is
        the encoder's output `[batch, keys, units]`."""
        normed = self.norm(x)
        if memory is None:
            q, k, v = self._split(self.qkv(normed), 3)
        else:
            (q,), (k, v) = self._split(self.query(normed), 1), self._split(self.memory(memory), 2)
        scores = tf.cast(tf.matmul(q, k, transpose_b=True), tf.float32) * (int(q.shape[-1]) ** -0.5) + mask
        found = tf.matmul(tf.cast(tf.nn.softmax(scores), self.operands), v)
        merged = tf.reshape(tf.transpose(found, [0, 2, 1, 3]), tf.shape(x))
        return x + self.dropout(self.output_layer(merged), training=training)

    def _split(self, x: Tensor, count: int) -> list[Tensor]:
        """`[batch, time, count * units]` to `count` tensors `[batch, heads, time, width]`."""
        shape = tf.shape(x)
        apart = tf.reshape(x, [shape[0], shape[1], count, self.heads, x.shape[-1] // (count * self.heads)])
        parts: list[Tensor] = tf.unstack(tf.transpose(apart, [2, 0, 3, 1, 4]))
        return parts


class FeedForward(Block):
    """Two layers with a rectifier between them, at each position alone."""

    def __init__(self, model: Translator, config: TransformerConfig) -> None:
        super().__init__(model)
        self.inner = Linear(config.units, config.feedforward, model.operands, rounded=True)
        self.output_layer = Linear(config.feedforward, config.units, model.operands)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """`[batch, time, units]` to the same."""
        inner = tf.nn.relu(self.inner(self.norm(x)))
        return x + self.dropout(self.output_layer(inner), training=training)


class Transformer(Translator):
    """See `Translator`; the source mask and the causal mask are made here."""

    def __init__(
        self,
        config: TransformerConfig,
        sizes: tuple[int, int],
        training: TranslatorTraining | None = None,
        operands: str = "float32",
    ) -> None:
        super().__init__(config, sizes, shapes(config, *sizes), config.units, training, operands)
        if config.positions == "learned":
            self.source_positions, self.target_positions = (
                self.add_weight(
                    shape=(MOST_POSITIONS, config.units), initializer=keras.initializers.RandomNormal(stddev=0.1)
                )
                for _ in range(2)
            )
        self.encoder = [
            [Attention(self, config, source=False), FeedForward(self, config)] for _ in range(config.layers)
        ]
        self.encoder_norm = Norm(config.units)
        self.decoder = [
            [Attention(self, config, source=False), Attention(self, config, source=True), FeedForward(self, config)]
            for _ in range(config.layers)
        ]
        self.decoder_norm = Norm(config.units)
        self.embedding_dropouts = [self.drop(), self.drop()]
        self.finish()

    def encode(self, source: Tensor, training: bool) -> tuple[Any, ...]:
        """Memory `[batch, source, units]` and its mask `[batch, 1, 1, source]`."""
        mask = tf.cast(source == PAD, tf.float32)[:, None, None] * NEVER
        x = self.embed(self.source_embedding, source) + self._positions("source", source)
        x = self.embedding_dropouts[0](x, training=training)
        for itself, feedforward in self.encoder:
            x = feedforward(itself(x, mask, training=training), training=training)
        return self.encoder_norm(x), mask

    def decode(self, target: Tensor, memory: tuple[Any, ...], training: bool) -> Tensor:
        """See Translator."""
        found, mask = memory
        length = tf.shape(target)[1]
        causal = (1.0 - tf.linalg.band_part(tf.ones([length, length]), -1, 0)) * NEVER
        x = self.embed(self.target_embedding, target) + self._positions("target", target)
        x = self.embedding_dropouts[1](x, training=training)
        for itself, source, feedforward in self.decoder:
            x = itself(x, causal, training=training)
            x = feedforward(source(x, mask, found, training=training), training=training)
        return self.decoder_norm(x)

    def _positions(self, side: str, ids: Tensor) -> Tensor:
        length = tf.shape(ids)[1]
        if self.config.positions == "learned":
            table = tf.convert_to_tensor(self.source_positions if side == "source" else self.target_positions)
            return tf.gather(table, tf.minimum(tf.range(length), MOST_POSITIONS - 1))
        return tf.constant(sinusoids(4 * MOST_POSITIONS + 2, self.config.units))[:length]

    def named_variables(self) -> dict[str, keras.Variable]:
        """See Translator."""
        found = self.shared_variables()
        if self.config.positions == "learned":
            found |= {"source.positions": self.source_positions, "target.positions": self.target_positions}
        blocks = {"encoder": ("itself", "feedforward"), "decoder": ("itself", "source", "feedforward")}
        for side, layers, last in [
            ("encoder", self.encoder, self.encoder_norm),
            ("decoder", self.decoder, self.decoder_norm),
        ]:
            found |= {f"{side}.norm.scale": last.scale, f"{side}.norm.bias": last.bias}
            for number, layer in enumerate(layers):
                for name, block in zip(blocks[side], layer, strict=True):
                    for short, variable in block.variables_by_name().items():
                        found[f"{side}.{number}.{name}.{short}"] = variable
        return found
