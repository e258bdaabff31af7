"""What the translation models in Keras have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnntext.config import TranslatorConfig, TranslatorTraining
from rnntext.train.layers import Dropout
from rnntext.train.recurrent import Tensor, product


class Translator(keras.Model):
    """An encoder-decoder, trained by teacher forcing: it reads the whole right target, shifted by one token, and
    predicts each token from those before it.

    Args:
        config: the model's shape.
        sizes: numbers of source ids and of target ids.
        shapes: names and shapes of its weights, in the order of `trainable_variables`.
        width: of an embedding.
        training: rate of dropout; None builds a model without any.
        operands: "float32" or "bfloat16", the type of matrix products' operands.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        sizes: tuple[int, int],
        shapes: dict[str, tuple[int, ...]],
        width: int,
        training: TranslatorTraining | None,
        operands: str,
    ) -> None:
        super().__init__(name="translator")
        self.config: Any
        self.config, self.names, self.width, self.operands = config, shapes, width, operands
        self.rate = training.dropout if training else 0.0
        self.source_embedding = self._embedding(sizes[0])
        self.target_embedding = self.source_embedding if config.one_embedding else self._embedding(sizes[1])
        self.target_size = sizes[1]
        self.dropouts: list[Dropout] = []

    def _embedding(self, size: int) -> keras.layers.Embedding:
        # With a standard deviation of width^-1/2, inputs (scaled up by width^1/2) and tied logits both have a variance
        # of about one (Vaswani et al. 2017, section 3.4).
        start = keras.initializers.RandomNormal(stddev=self.width**-0.5)
        layer = keras.layers.Embedding(size, self.width, embeddings_initializer=start)
        layer.build()
        return layer

    def finish(self) -> None:
        """Adds the output layer; the last thing that a constructor does."""
        if not self.config.tied:
            self.logits_kernel = self.add_weight(
                shape=(self.width, self.target_size), initializer="glorot_uniform", name="logits_kernel"
            )
        self.logits_bias = self.add_weight(shape=(self.target_size,), initializer="zeros", name="logits_bias")
        self.built = True

    def drop(self) -> Dropout:
        """A dropout layer of this model."""
        self.dropouts.append(Dropout(self.rate))
        return self.dropouts[-1]

    def embed(self, embedding: keras.layers.Embedding, ids: Tensor) -> Tensor:
        """`[batch, time]` to `[batch, time, width]`."""
        return embedding(ids) * self.width**0.5

    def call(self, source: Tensor, target: Tensor, training: bool = False) -> Tensor:
        """Predicts each next token.

        Args:
            source: ids `[batch, source]`, filled up with PAD (0).
            target: ids `[batch, target]`, the first one START.

        Returns:
            logits `[batch, target, vocabulary]`.
        """
        return self.logits(self.decode(target, self.encode(source, training), training))

    def encode(self, source: Tensor, training: bool) -> tuple[Any, ...]:
        """What `decode` wants to know of the source."""
        raise NotImplementedError

    def decode(self, target: Tensor, memory: tuple[Any, ...], training: bool) -> Tensor:
        """The decoder's output `[batch, target, width]` for target ids `[batch, target]`, given what `encode` found."""
        raise NotImplementedError

    def logits(self, x: Tensor) -> Tensor:
        """`[..., width]` to `[..., vocabulary]`."""
        kernel, bias = self.output_weights()
        y = product(tf.reshape(x, [-1, self.width]), kernel, tf.as_dtype(self.operands), transpose_b=True) + bias
        return tf.reshape(y, tf.concat([tf.shape(x)[:-1], [self.target_size]], axis=0))

    def output_weights(self) -> tuple[Tensor, Tensor]:
        """Kernel `[vocabulary, width]` and bias `[vocabulary]` of the output layer."""
        if self.config.tied:
            kernel = tf.convert_to_tensor(self.target_embedding.embeddings)
        else:
            kernel = tf.transpose(tf.convert_to_tensor(self.logits_kernel))
        return kernel, tf.convert_to_tensor(self.logits_bias)

    def arrays(self, values: list[np.ndarray] | None = None) -> dict[str, np.ndarray]:
        """The trainable weights (or `values` in their place) under the names a checkpoint gives them."""
        values = [np.asarray(v) for v in self.trainable_variables] if values is None else values
        order = {id(v): n for n, v in enumerate(self.trainable_variables)}
        named = {name: values[order[id(variable)]] for name, variable in self.named_variables().items()}
        return {name: named[name] for name in self.names}

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes weights, named as `arrays` names them."""
        for name, variable in self.named_variables().items():
            variable.assign(arrays[name])

    def named_variables(self) -> dict[str, keras.Variable]:
        """Every trainable variable by the name a checkpoint gives it."""
        raise NotImplementedError

    def shared_variables(self) -> dict[str, keras.Variable]:
        """Those of embeddings and output layer."""
        found = {"source.embedding": self.source_embedding.embeddings, "logits.bias": self.logits_bias}
        if self.target_embedding is not self.source_embedding:
            found["target.embedding"] = self.target_embedding.embeddings
        if not self.config.tied:
            found["logits.kernel"] = self.logits_kernel
        return found

    def get_config(self) -> dict[str, Any]:
        """Keras's way of storing models is not ours."""
        raise NotImplementedError("a model is rebuilt from rnntext's own config, see storage/checkpoint.py")
