"""Dynamic evaluation (Krause, Kahembwe, Murray, Renals 2018): a character model goes on learning from what it reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from rnntext.errors import UsageError
from rnntext.run.arrays import Array, Weights, empty, zeros
from rnntext.run.backprop import Stretch, start
from rnntext.run.charlm import Charlm, Predictor, shapes
from rnntext.run.ensemble import CharlmEnsemble
from rnntext.run.threads import blas_threads

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
    """

    def __init__(self, model: Charlm) -> None:
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

    def read(self, targets: Array) -> Array:
        """Predicts a stretch of characters, then learns from it.

        Args:
            targets: their ids, `[time]`, at least one and about STRETCH.

        Returns:
            the negative log-likelihood of each character in nats, `[time]`, by weights that have learnt from earlier
            stretches only: an honest score.
        """
        ids = np.concatenate([[self._last], targets[:-1]])
        stretch = Stretch(self._model.config, self._weights, self._states, ids, targets)
        self._last = targets[-1]
        self._states = stretch.states
        stretch.gradients(self._gradients)
        self._step()
        return np.asarray(stretch.losses)

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


class EnsembleAdaptation:
    """An ensemble on its walk through one text: each member learns as it would alone.

    Args:
        model: the ensemble, which stays as it is.
    """

    def __init__(self, model: CharlmEnsemble) -> None:
        self._members = [adaptation_of(member) for member in model.members]

    def read(self, targets: Array) -> Array:
        """See Adaptation; a character's probability is the mean of the members'."""
        losses = np.stack([member.read(targets) for member in self._members])  # [members, time]
        return np.asarray(math.log(len(losses)) - np.logaddexp.reduce(-losses, axis=0))

    def model(self) -> CharlmEnsemble:
        """See Adaptation."""
        return CharlmEnsemble([member.model() for member in self._members])


def adaptation_of(model: Predictor) -> Adaptation | EnsembleAdaptation:
    """The beginning of a walk of a model, or of an ensemble.

    Raises:
        UsageError: it is not computed by NumPy, as the gradients are.
    """
    if isinstance(model, CharlmEnsemble):
        return EnsembleAdaptation(model)
    if not isinstance(model, Charlm):
        raise UsageError("--adapt: only NumPy's engine learns from a text; leave --engine out")
    return Adaptation(model)


def walk(
    model: Predictor, adaptation: Adaptation | EnsembleAdaptation, pieces: Iterable[Array], threads: int = 1
) -> Iterator[Array]:
    """Yields what each character of a text costs in bits (see `Predictor.bits`), `[time]` of one stretch after another.

    Args:
        model: the trained model, or an ensemble, which stays as it is.
        adaptation: the beginning of its walk, which goes on to the end of the text.
        pieces: the ids of the text, cut in any way, `[time]` each.
        threads: number of threads of a matrix product.
    """
    for stretch in stretches(pieces):
        with blas_threads(threads):
            losses = adaptation.read(stretch)
        yield model.bits(losses.astype(np.float64), stretch)
