"""Dynamic evaluation (Krause, Kahembwe, Murray, Renals 2018): a character model goes on learning from what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from rnntext.run.arrays import Array, Weights, empty, zeros
from rnntext.run.backprop import Stretch, start
from rnntext.run.charlm import Charlm, shapes

# Chosen on held-out text of tinyshakespeare (docs/decisions.md).
STRETCH = 32  # characters from one step of the weights to the next
RATE = 5e-4
DECAY = 2e-3  # of the distance to the trained weights
BETA = 0.999  # of the running mean of squared gradients
EPSILON = 1e-8


def stretches(pieces: Iterable[Array]) -> Iterator[Array]:
    """Yields a text in stretches of STRETCH ids; the last may be shorter.

    Args:
        pieces: its ids, cut in any way, `[time]` each.
    """
    held = np.empty(0, np.int32)
    for piece in pieces:
        ids = np.concatenate([held, piece])
        end = len(ids) // STRETCH * STRETCH
        yield from ids[:end].reshape(-1, STRETCH)
        held = ids[end:]
    if len(held):
        yield held


class Adaptation:
    """A character model on its walk through one text. After each stretch the weights w take a step (Krause et al. 2018,
    section 5), with g the gradient of the stretch's mean loss and w_0 the trained weights:

        v_k = BETA v_(k-1) + (1 - BETA) g^2
        rms = sqrt(v_k / (1 - BETA^k))
        w' = w - RATE g / (rms + EPSILON) + DECAY (w_0 - w)

    In the paper rms comes from the training data; here it comes from the text itself, as far as it has been read.

    Args:
        model: the trained model, which stays as it is.

    Attributes:
        bits: what the text costs so far (see `Charlm.bits`). It is an honest score: each character is predicted by
            weights that have learnt from earlier stretches only.
        characters: number of those that have been read.
    """

    def __init__(self, model: Charlm) -> None:
        self.bits = 0.0
        self.characters = 0
        self._model = model
        self._last = model.vocabulary.start  # the character that was read last
        self._states = start(model.config)
        self._steps = 0
        # All weights lie in one array, so that a step is a few operations.
        self._shapes = shapes(model.config, len(model.vocabulary))
        self._trained = np.concatenate([model.weights[name].ravel() for name in self._shapes])  # [weights]
        self._flat = self._trained.copy()
        self._flat_gradients = empty(len(self._flat))
        self._squares = zeros(len(self._flat))  # v
        self._work = empty(len(self._flat))
        self._weights = self._by_name(self._flat)
        self._gradients = self._by_name(self._flat_gradients)

    def read(self, targets: Array) -> None:
        """Predicts a stretch of characters, then learns from it.

        Args:
            targets: their ids, `[time]`, at least one and about STRETCH.
        """
        ids = np.concatenate([[self._last], targets[:-1]])
        stretch = Stretch(self._model.config, self._weights, self._states, ids, targets)
        nats = float(stretch.losses.sum(dtype=np.float64))
        self.bits += self._model.bits(nats, targets)
        self.characters += len(targets)
        self._last = targets[-1]
        self._states = stretch.states
        stretch.gradients(self._gradients)
        self._step()

    def _step(self) -> None:
        """Changes the weights by the gradients, in place: new arrays of this size would cost as much as the products.
        The gradients are overwritten."""
        step = self._flat_gradients
        work = self._work
        # v_k = BETA v_(k-1) + (1 - BETA) g^2
        self._steps += 1
        self._squares *= BETA
        np.multiply(step, step, out=work)
        work *= 1.0 - BETA
        self._squares += work
        # RATE g / (rms + EPSILON)
        np.divide(self._squares, 1.0 - BETA**self._steps, out=work)
        np.sqrt(work, out=work)
        work += EPSILON
        step /= work
        step *= RATE
        # w' = w - RATE g / (rms + EPSILON) + DECAY (w_0 - w)
        np.subtract(self._flat, self._trained, out=work)
        work *= DECAY
        step += work
        self._flat -= step

    def model(self) -> Charlm:
        """A model with the weights of now, which later stretches do not change."""
        weights = self._by_name(self._flat.copy())
        return Charlm(self._model.config, self._model.vocabulary, weights)

    def _by_name(self, flat: Array) -> Weights:
        """The arrays, by name, whose numbers lie one after the other in `flat`; they are views."""
        arrays = {}
        begin = 0
        for name, shape in self._shapes.items():
            end = begin + int(np.prod(shape))
            arrays[name] = flat[begin:end].reshape(shape)
            begin = end
        return arrays


def adapted(model: Charlm, pieces: Iterable[Array]) -> Adaptation:
    """A character model at the end of a text.

    Args:
        model: the trained model, which stays as it is.
        pieces: the ids of the text, cut in any way, `[time]` each.
    """
    adaptation = Adaptation(model)
    for stretch in stretches(pieces):
        adaptation.read(stretch)
    return adaptation
