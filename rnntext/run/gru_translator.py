"""The GRU encoder-decoder in NumPy, one token at a time: the twin of `train/gru_translator.py`, and the one that users
run.

An encoder of bidirectional layers reads the source, a decoder reads the tokens of the translation so far and attends to
the encoder's outputs m (Bahdanau, Cho, Bengio 2015). [a, b] is a beside b, a prime marks a new state, and layer 0 is
the lowest one:

    encoder layer: x = [GRU forward(x), GRU backward(x)]
    bridge:        h_n = tanh([last state forward, last state backward] W_n + b_n), before the first token, with the
                   states of the last encoder layer
    decoder:       h_0' = GRU(embedding of the token, h_0)
                   context = attention(h_0', m)
                   h_n' = GRU([h_(n - 1)', context], h_n) for n = 1, 2, ...
    logits:        tanh([h_last', context] W_o + b_o) W + b

Only the first decoder layer reads no context: its new output is the query, and all layers above it and the output layer
read the context (the arrangement of Wu et al. 2016, section 3). So nothing but the states h goes from step to step.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.affine import Affine, read_affine
from rnntext.run.arrays import Array, Sentences, Weights, beside, empty, zeros
from rnntext.run.attention import lengths_of, pad, padding_mask, rows_of, take_in_place
from rnntext.run.gru_attention import Attention
from rnntext.run.gru_layer import GRULayer
from rnntext.settings.translator import GRUConfig


class State:
    """The decoder's memory of a batch of sentences and of the hypotheses for each (see `run.model.State`).

    Attributes:
        memory: the encoder's outputs, `[batch, source, 2 * units]`, zeros behind the end of a sentence.
        keys: of the attention, `[batch, source, units]`; without attention `[batch, source, 0]`.
        mask: 0, or -inf behind the end of a source, `[batch, source]`.
        h: the state of each decoder layer, `[rows, units]`.
        attention: how the last step looked at the source, `[rows, source]`.
    """

    def __init__(self, memory: Array, keys: Array, mask: Array, h: list[Array]) -> None:
        self.memory = memory
        self.keys = keys
        self.mask = mask
        self.h = h
        source = mask.shape[1]
        self.attention = empty(0, source)

    def reorder(self, rows: Array) -> None:
        """Makes row r go on with what row rows[r], of the same sentence, has read."""
        self.h = [layer[rows] for layer in self.h]

    def keep(self, sentences: Array) -> None:
        """Goes on with these sentences, in this order, and forgets the others."""
        first = self.h[0]  # [rows, units]
        rows = rows_of(sentences, len(first), len(self.mask))
        self.reorder(rows)
        self.memory = take_in_place(self.memory, sentences)
        self.keys = take_in_place(self.keys, sentences)
        self.mask = take_in_place(self.mask, sentences)


class GRUTranslator:
    """A trained GRU encoder-decoder.

    Args:
        config: its shape.
        arrays: its weights, as `run.gru_shapes.shapes` names them.
    """

    def __init__(self, config: GRUConfig, arrays: Weights) -> None:
        self.config = config
        self.arrays = arrays

        # 1. Embeddings, multiplied by the square root of their size, as in training (`Translator.embed`).
        scale = np.float32(config.embedding**0.5)
        embedding = arrays["source.embedding"]  # [vocabulary, embedding size]
        self.source = embedding * scale
        self.target = self.source
        if not config.one_embedding:
            embedding = arrays["target.embedding"]
            self.target = embedding * scale

        # 2. Layers.
        self.encoder: list[tuple[GRULayer, GRULayer]] = []
        self.bridges: list[Affine] = []
        self.decoder: list[GRULayer] = []
        for layer in range(config.layers):
            name = f"encoder.{layer}"
            forward = GRULayer(arrays, f"{name}.forward")
            backward = GRULayer(arrays, f"{name}.backward")
            self.encoder.append((forward, backward))
            bridge = read_affine(arrays, f"bridge.{layer}")
            self.bridges.append(bridge)
            decoder = GRULayer(arrays, f"decoder.{layer}")
            self.decoder.append(decoder)
        self.attention = Attention(config, arrays)

        # 3. The output layers. The kernel of the last one may be the target embedding, transposed.
        self.output = read_affine(arrays, "output")
        if config.tied:
            kernel = embedding.T  # [embedding size, vocabulary]
            bias = arrays["logits.bias"]
            self.logits = Affine(kernel, bias)
        else:
            self.logits = read_affine(arrays, "logits")

    def start(self, sentences: Sentences, padded_length: int) -> State:
        """The decoder's state after reading source sentences; each has one hypothesis, which is empty.

        Args:
            sentences: ids of each, at least one.
            padded_length: the length that all are padded to.
        """
        memory, final = self.encode(sentences, padded_length)
        h = []
        for bridge in self.bridges:
            projected = bridge(final)  # [batch, units]
            h.append(np.tanh(projected))
        keys = self.attention.keys(memory)  # [batch, source, units]
        lengths = lengths_of(sentences)  # [batch]
        mask = padding_mask(lengths, padded_length)  # [batch, source]
        return State(memory, keys, mask, h)

    def encode(self, sentences: Sentences, padded_length: int) -> tuple[Array, Array]:
        """Reads source sentences in both directions.

        Returns:
            the encoder's outputs, `[batch, padded_length, 2 * units]`, zeros behind the end of a sentence, and the
            final states of its last layer, `[batch, 2 * units]`.
        """
        # 1. Sort the sentences, the longest first, and put the first tokens of all first, then the second ones, ...
        lengths = lengths_of(sentences)  # [batch]
        order = np.argsort(-lengths, kind="stable")
        by_length = [sentences[number] for number in order]
        ids = pad(by_length, padded_length)  # [batch, padded_length]
        lengths = lengths[order]
        longest = lengths[0]
        times = np.arange(longest)
        real = times[:, None] < lengths  # [time, batch]
        time, row = np.nonzero(real)  # [tokens] each
        tokens = ids[row, time]  # [tokens]
        counts = np.bincount(time).tolist()  # for each time, how many sentences have a token there

        # 2. Pass the layers.
        x = self.source[tokens]  # [tokens, features]
        for forward, backward in self.encoder:
            ahead, last_ahead = forward.run(x, counts, backwards=False)  # [tokens, units], [batch, units]
            back, last_back = backward.run(x, counts, backwards=True)
            x = beside(ahead, back)  # [tokens, 2 * units]

        # 3. Put everything back into the order of the sentences.
        batch = len(sentences)
        features = x.shape[1]  # 2 * units
        sentence = order[row]  # [tokens]
        memory = zeros(batch, padded_length, features)
        memory[sentence, time] = x
        final = empty(batch, features)
        final[order] = beside(last_ahead, last_back)
        return memory, final

    def step(self, state: State, ids: Array) -> Array:
        """Reads one target token of each hypothesis.

        Args:
            state: overwritten.
            ids: `[rows]`, integers.

        Returns:
            logits of the next token, `[rows, vocabulary]`.
        """
        x = self.target[ids]  # [rows, embedding size]
        context: Array | None = None
        for layer, h in zip(self.decoder, state.h, strict=True):
            projected = layer.project(x)  # [3, rows, units]
            layer.step(projected, h)
            if context is None:
                context, weights = self.attention.attend(h, state.keys, state.memory, state.mask)
                state.attention = weights
            x = beside(h, context)  # [rows, units + 2 * units]; without attention [rows, units]
        output = self.output(x)  # [rows, embedding size]
        return self.logits(np.tanh(output))
