"""Adaptation: without its step it is the plain score, and its step is that of the paper, in float64."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from helpers import random_arrays, tiny_charlm

from rnntext.run import adaptation
from rnntext.run.adaptation import (
    BETA,
    DECAY,
    RATE,
    STRETCH,
    Adaptation,
    EnsembleAdaptation,
    adaptation_of,
    stretches,
    walk,
)
from rnntext.run.backprop import Stretch, start
from rnntext.run.charlm import Charlm, Predictor
from rnntext.run.ensemble import CharlmEnsemble

TEXT = np.random.default_rng(0).integers(0, 7, 3 * STRETCH + 5).astype(np.int32)  # with unknown characters
PERIODIC = np.tile([2, 3, 4, 3], 10 * STRETCH)

every_shape = pytest.mark.parametrize(("cell", "layers"), [("rnn", 2), ("lstm", 1), ("lstm", 2), ("gru", 2)])


def gradients(model: Charlm, weights: dict[str, np.ndarray], ids: np.ndarray, states: list) -> tuple[dict, list]:
    """The gradients of a stretch `ids[1:]`, and the states after it."""
    stretch = Stretch(model.config, weights, states, ids[:-1], ids[1:])
    found = {name: np.empty_like(array) for name, array in weights.items()}
    stretch.gradients(found)
    return found, stretch.states


def walked(model: Predictor, pieces: Iterable[np.ndarray]) -> tuple[Adaptation | EnsembleAdaptation, float, int]:
    """The walk at the end of a text, what the text cost in bits, and its number of characters."""
    adaptation = adaptation_of(model)
    bits = np.concatenate([np.empty(0), *walk(model, adaptation, pieces)])
    return adaptation, bits.sum(), len(bits)


@every_shape
def test_without_steps_a_text_costs_what_the_plain_score_says(
    cell: str, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptation, "RATE", 0.0)
    model = tiny_charlm(cell, layers)
    _, bits, characters = walked(model, [TEXT])
    assert bits == pytest.approx(model.score(TEXT), rel=1e-6)
    assert characters == len(TEXT)


@every_shape
def test_the_first_stretch_is_predicted_before_anything_is_learnt(cell: str, layers: int) -> None:
    model = tiny_charlm(cell, layers)
    losses = Adaptation(model).read(TEXT[:STRETCH])
    assert losses.shape == (STRETCH,)
    bits = model.bits(losses, TEXT[:STRETCH]).sum()
    assert bits == pytest.approx(model.score(TEXT[:STRETCH]), rel=1e-6)


def test_two_steps_are_those_of_the_paper() -> None:
    model = tiny_charlm("gru")
    found = Adaptation(model)
    first = np.concatenate([[model.vocabulary.start], TEXT[:STRETCH]])
    second = TEXT[STRETCH - 1 : 2 * STRETCH]
    trained = dict(model.weights)

    found.read(first[1:])
    g1, states = gradients(model, trained, first, start(model.config))
    after_one = {}
    for name, array in found.model().weights.items():
        g = g1[name].astype(np.float64)
        expected = trained[name] - RATE * g / (np.abs(g) + adaptation.EPSILON)
        np.testing.assert_allclose(array, expected, atol=1e-6)
        after_one[name] = array

    found.read(second[1:])
    g2, _ = gradients(model, after_one, second, states)
    for name, array in found.model().weights.items():
        one, two = g1[name].astype(np.float64), g2[name].astype(np.float64)
        rms = np.sqrt((BETA * one**2 + two**2) / (1.0 + BETA))
        step = RATE * two / (rms + adaptation.EPSILON)
        expected = after_one[name] - step + DECAY * (trained[name] - after_one[name])
        np.testing.assert_allclose(array, expected, atol=2e-7)


@every_shape
def test_a_text_that_repeats_itself_is_learnt(cell: str, layers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptation, "RATE", 0.02)
    model = tiny_charlm(cell, layers)
    plain = model.score(PERIODIC)
    _, bits, _ = walked(model, [PERIODIC])
    assert bits < 0.8 * plain
    assert model.score(PERIODIC) == plain


def test_the_weights_of_now_stay_when_the_walk_goes_on() -> None:
    adaptation = Adaptation(tiny_charlm())
    adaptation.read(TEXT[:STRETCH])
    model = adaptation.model()
    before = model.score(PERIODIC)
    adaptation.read(TEXT[STRETCH:])
    assert model.score(PERIODIC) == before != adaptation.model().score(PERIODIC)


def test_weights_in_any_order_are_adapted_alike() -> None:
    model = tiny_charlm()
    shuffled = dict(reversed(random_arrays(model.config, len(model.vocabulary)).items()))
    twin = Charlm(model.config, model.vocabulary, shuffled)
    assert walked(twin, [TEXT])[1:] == walked(model, [TEXT])[1:]


@pytest.mark.parametrize("cuts", [[], [1], [STRETCH], [0, 0, 5, 6, STRETCH + 1], range(len(TEXT))])
def test_stretches_are_the_same_however_the_text_is_cut(cuts: list[int]) -> None:
    found = list(stretches(np.split(TEXT, cuts)))
    assert [len(stretch) for stretch in found] == [STRETCH, STRETCH, STRETCH, 5]
    assert np.concatenate(found).tolist() == TEXT.tolist()


def test_no_piece_is_read_before_it_is_needed() -> None:
    asked = []

    def pieces() -> Iterator[np.ndarray]:
        for number in range(3):
            asked.append(number)
            yield TEXT[:STRETCH]

    next(stretches(pieces()))
    assert asked == [0]


def test_an_empty_text_teaches_nothing() -> None:
    model = tiny_charlm()
    after, bits, characters = walked(model, [])
    assert (bits, characters) == (0.0, 0)
    assert after.model().score(TEXT) == model.score(TEXT)


# Ensembles ------------------------------------------------------------------------------------------------------------


def test_the_members_of_an_ensemble_learn_each_for_itself() -> None:
    members = [tiny_charlm("gru"), tiny_charlm("lstm", 1, seed=1)]
    after, bits, characters = walked(CharlmEnsemble(members), [TEXT])
    walks = [Adaptation(member) for member in members]
    expected = 0.0
    for stretch in stretches([TEXT]):
        probabilities = [np.exp(-member.read(stretch).astype(np.float64)) for member in walks]
        expected += members[0].bits(-np.log(np.mean(probabilities, axis=0)), stretch).sum()
    assert (bits, characters) == (pytest.approx(expected, rel=1e-6), len(TEXT))
    together = CharlmEnsemble([member.model() for member in walks])
    assert after.model().score(PERIODIC) == together.score(PERIODIC) != CharlmEnsemble(members).score(PERIODIC)


def test_without_steps_a_text_costs_an_ensemble_what_the_plain_score_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptation, "RATE", 0.0)
    ensemble = CharlmEnsemble([tiny_charlm("gru"), tiny_charlm("lstm", 1, seed=1, scale=20.0)])
    _, bits, _ = walked(ensemble, [TEXT])
    assert bits == pytest.approx(ensemble.score(TEXT), rel=1e-5)
