"""What the translation models in Keras have in common."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras.initializers import RandomNormal

from rnntext.settings.translator import TranslatorConfig, TranslatorTraining
from rnntext.train.layers import Dropout
from rnntext.train.products import Tensor, product
from rnntext.train.twin import Twin, Variables


class Translator(Twin):
    """An encoder-decoder: p(y_1, y_2, ... | source) = the product over t of p(y_t | y_1 ... y_(t-1), source).

    It is trained by teacher forcing: it reads the whole right target, shifted by one token, and predicts each token
    from those before it (Williams, Zipser 1989; Sutskever, Vinyals, Le 2014).

    Args:
        config: the model's shape.
        sizes: numbers of source ids and of target ids.
        shapes: names and shapes of its weights, in the order of a checkpoint.
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
        self.config: Any = config
        self.names = list(shapes)
        self.width = width
        self.operands = operands
        self.rate = training.dropout if training else 0.0
        source_size, self.target_size = sizes
        self.source_embedding = self._embedding(source_size)
        self.target_embedding = self.source_embedding
        if not config.one_embedding:
            self.target_embedding = self._embedding(self.target_size)
        self.dropouts: list[Dropout] = []

    def _embedding(self, size: int) -> keras.layers.Embedding:
        # With a standard deviation of width^-1/2, inputs (scaled up by width^1/2) and tied logits both have a variance
        # of about one (Vaswani et al. 2017, section 3.4).
        initializer = RandomNormal(stddev=self.width**-0.5)
        layer = keras.layers.Embedding(size, self.width, embeddings_initializer=initializer)
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
        """A new dropout layer of this model."""
        layer = Dropout(self.rate)
        self.dropouts.append(layer)
        return layer

    def embed(self, embedding: keras.layers.Embedding, ids: Tensor) -> Tensor:
        """Embeddings times the square root of their width: `[batch, time]` to `[batch, time, width]`."""
        return embedding(ids) * self.width**0.5

    def call(self, source: Tensor, target: Tensor, training: bool = False) -> Tensor:
        """Predicts each next token.

        Args:
            source: ids `[batch, source]`, filled up with PAD (0).
            target: ids `[batch, target]`, the first one START.
            training: whether dropout takes place.

        Returns:
            logits `[batch, target, vocabulary]`.
        """
        memory = self.encode(source, training)
        hidden = self.decode(target, memory, training)  # [batch, target, width]
        return self.logits(hidden)

    def encode(self, source: Tensor, training: bool) -> tuple[Any, ...]:
        """The memory: what `decode` wants to know of the source, given its ids `[batch, source]`."""
        raise NotImplementedError

    def decode(self, target: Tensor, memory: tuple[Any, ...], training: bool) -> Tensor:
        """The decoder's output `[batch, target, width]` for target ids `[batch, target]`, given the memory."""
        raise NotImplementedError

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden K^T + b: `[..., width]` to `[..., vocabulary]`."""
        kernel, bias = self.output_weights()
        operands = tf.as_dtype(self.operands)
        rows = tf.reshape(hidden, [-1, self.width])  # [rows, width]
        z = product(rows, kernel, operands, transpose_b=True)  # [rows, vocabulary]
        z = z + bias
        outer_axes = tf.shape(hidden)[:-1]
        shape = tf.concat([outer_axes, [self.target_size]], axis=0)
        return tf.reshape(z, shape)

    def output_weights(self) -> tuple[Tensor, Tensor]:
        """K `[vocabulary, width]` and b `[vocabulary]` of the output layer."""
        if self.config.tied:
            kernel = tf.convert_to_tensor(self.target_embedding.embeddings)
        else:
            kernel = tf.transpose(tf.convert_to_tensor(self.logits_kernel))
        return kernel, tf.convert_to_tensor(self.logits_bias)

    def named_variables(self) -> Variables:
        """See Twin."""
        variables = {**self.shared_variables(), **self.own_variables()}
        return {name: variables[name] for name in self.names}

    def own_variables(self) -> Variables:
        """The trainable variables between embeddings and output layer, by name."""
        raise NotImplementedError

    def shared_variables(self) -> Variables:
        """The trainable variables of embeddings and output layer, by name."""
        variables = {"source.embedding": self.source_embedding.embeddings, "logits.bias": self.logits_bias}
        if self.target_embedding is not self.source_embedding:
            variables["target.embedding"] = self.target_embedding.embeddings
        if not self.config.tied:
            variables["logits.kernel"] = self.logits_kernel
        return variables
