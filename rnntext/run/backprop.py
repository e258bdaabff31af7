"""Truncated back-propagation through time (Williams, Peng 1990) through a character model that reads one text.

The loss of a stretch of characters is the mean of -log P(character | characters before it). The state is carried from
stretch to stretch; its gradient ends where a stretch begins.
"""

from __future__ import annotations

import numpy as np

from rnntext.run.arrays import Array, Weights, zeros
from rnntext.run.cell_gradients import CELL_GRADIENTS, Forward, States
from rnntext.run.logits import log_sum_exp
from rnntext.settings.charlm import CharlmConfig


def start(config: CharlmConfig) -> list[States]:
    """The states of each layer before a text."""
    count = 2 if config.cell == "lstm" else 1
    return [[zeros(config.units) for _ in range(count)] for _ in range(config.layers)]


class Stretch:
    """A stretch of a text that a character model has read.

    Attributes:
        losses: negative log-likelihood of each target in nats, `[time]`.
        states: of each layer, after the last character that was read.

    Args:
        config: the shape of the model.
        weights: as `run.charlm.shapes` names them. They must not change before `gradients` is called.
        states: of each layer, before the first character.
        ids: the characters that are read, `[time]`, at least one.
        targets: the characters that are predicted, `[time]`.
    """

    def __init__(
        self, config: CharlmConfig, weights: Weights, states: list[States], ids: Array, targets: Array
    ) -> None:
        # 1. Read the characters, layer by layer.
        self.weights = weights
        self.cell = CELL_GRADIENTS[config.cell]
        self.ids = ids
        self.targets = targets
        self.layers: list[tuple[str, Array, Forward]] = []  # name, inputs [time, features], what it gave
        x = weights["embedding"][ids]  # [time, embedding]
        for index, before in enumerate(states):
            name = f"layer{index}"
            bias = weights[f"{name}.bias"]
            projected = x @ weights[f"{name}.kernel"]  # [time, gates * units]
            projected += np.atleast_2d(bias)[0]
            layer = self.cell.forward(projected, weights[f"{name}.recurrent_kernel"], bias, before)
            self.layers.append((name, x, layer))
            x = layer.outputs[1:]  # [time, units]
        self.outputs = x
        self.states = [layer.states for _, _, layer in self.layers]
        # 2. Predict each target.
        logits = x @ weights["logits.kernel"]  # [time, vocabulary]
        logits += weights["logits.bias"]
        self.log_probabilities = logits - log_sum_exp(logits)
        self.losses = -self.log_probabilities[np.arange(len(ids)), targets]

    def gradients(self, into: Weights) -> None:
        """Computes the gradients of the mean loss.

        Args:
            into: arrays with the names and shapes of the weights, which are overwritten.
        """
        # 1. The logits: d_logits = (softmax(logits) - one-hot(target)) / time.
        time = len(self.ids)
        d_logits = np.exp(self.log_probabilities)  # [time, vocabulary]
        d_logits[np.arange(time), self.targets] -= 1.0
        d_logits /= time
        np.matmul(self.outputs.T, d_logits, out=into["logits.kernel"])
        np.sum(d_logits, axis=0, out=into["logits.bias"])
        d_outputs = d_logits @ self.weights["logits.kernel"].T  # [time, units]
        # 2. The layers, from above.
        for name, x, layer in reversed(self.layers):
            recurrent_kernel = self.weights[f"{name}.recurrent_kernel"]
            d_x, d_r = self.cell.backward(d_outputs, recurrent_kernel, layer.saved)  # [time, gates * units]
            np.matmul(x.T, d_x, out=into[f"{name}.kernel"])
            np.matmul(layer.outputs[:-1].T, d_r, out=into[f"{name}.recurrent_kernel"])
            d_bias = np.atleast_2d(into[f"{name}.bias"])
            d_bias[0] = d_x.sum(axis=0)
            d_bias[1:] = d_r.sum(axis=0)  # only a GRU's bias has a second row
            d_outputs = d_x @ self.weights[f"{name}.kernel"].T  # [time, features]
        # 3. The embeddings of the characters that were read.
        d_embedding = into["embedding"]
        d_embedding.fill(0.0)
        np.add.at(d_embedding, self.ids, d_outputs)
