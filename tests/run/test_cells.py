"""The NumPy cells against a textbook's version in float64."""

import numpy as np
import pytest
from helpers import random_arrays, textbook_logits, tiny_charlm

from rnntext.run.charlm import Charlm, shapes
from rnntext.settings.charlm import CharlmConfig
from rnntext.text.vocabulary import CharVocabulary

CELLS = ["rnn", "lstm", "gru"]
CHARACTERS = "\nabcdef"
STEPS = 20

every_cell = pytest.mark.parametrize("cell", CELLS)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3])


def model_and_texts(cell: str, layers: int, batch: int, scale: float = 0.5) -> tuple[Charlm, dict, np.ndarray]:
    """A random model, its arrays, and random ids `[time, batch]`."""
    config = CharlmConfig(cell=cell, layers=layers, units=7, embedding=4)
    arrays = random_arrays(config, len(CHARACTERS) + 1, seed=layers, scale=scale)
    ids = np.random.default_rng(batch).integers(0, len(CHARACTERS) + 1, (STEPS, batch))
    return Charlm(config, CharVocabulary(list(CHARACTERS)), arrays), arrays, ids


@pytest.mark.parametrize("batch", [1, 5])
@every_depth
@every_cell
def test_logits_are_the_textbooks(cell: str, layers: int, batch: int) -> None:
    model, arrays, ids = model_and_texts(cell, layers, batch)
    state = model.start(batch)
    logits = np.array([model.step(state, now).copy() for now in ids])  # [time, batch, vocabulary]
    for text in range(batch):
        np.testing.assert_allclose(logits[:, text], textbook_logits(model.config, arrays, ids[:, text]), atol=2e-5)


@every_cell
def test_saturated_gates_are_the_textbooks_too(cell: str) -> None:
    model, arrays, ids = model_and_texts(cell, layers=2, batch=1, scale=30.0)
    with np.errstate(over="ignore"):  # the textbook's exp
        expected = textbook_logits(model.config, arrays, ids[:, 0])
    state = model.start()
    assert np.isfinite(expected).all()
    np.testing.assert_allclose([model.step(state, now)[0].copy() for now in ids], expected, rtol=1e-3, atol=1e-2)


@every_depth
@every_cell
def test_reading_in_two_pieces_is_reading_at_once(cell: str, layers: int) -> None:
    model, _, ids = model_and_texts(cell, layers, batch=1)
    whole, pieces = model.start(3), model.start(3)
    expected = model.feed(whole, ids[:, 0]).copy()
    model.feed(pieces, ids[:8, 0])
    np.testing.assert_array_equal(model.feed(pieces, ids[8:, 0]), expected)


@every_depth
@every_cell
def test_states_can_be_read_and_carried_to_another_text(cell: str, layers: int) -> None:
    model, _, ids = model_and_texts(cell, layers, batch=5)
    first, second = model.start(5), model.start(5)
    for now in ids:
        expected = model.step(first, now).copy()
    for now in ids[:-1]:
        model.step(second, now)
    fresh = model.start(5)
    for source, target in zip(second.layers(), fresh.layers(), strict=True):
        assert len(source) == {"rnn": 1, "lstm": 2, "gru": 1}[cell]
        for old, new in zip(source, target, strict=True):
            new[...] = old
    np.testing.assert_array_equal(model.step(fresh, ids[-1]), expected)


def test_an_lstms_states_are_h_then_c() -> None:
    model = tiny_charlm("lstm", layers=1)
    state = model.start()
    model.feed(state, [1, 2, 3, 2, 5] * 10)
    ((h, c),) = state.layers()
    assert (np.abs(h) < np.abs(np.tanh(c)) + 1e-7).all()  # h = o tanh(c) with 0 < o < 1
    assert np.abs(c).max() > np.abs(h).max()


def test_texts_of_a_batch_do_not_touch_one_another() -> None:
    model = tiny_charlm("gru", layers=2)
    states = model.start(4), model.start(4)
    for first, second in [(1, 5), (3, 0), (2, 4)]:
        one = model.step(states[0], np.array([1, 2, 3, first]))[:3].copy()
        two = model.step(states[1], np.array([1, 2, 3, second]))[:3].copy()
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (
            "rnn",
            {"layer0.kernel": (3, 5), "layer1.kernel": (5, 5), "layer1.recurrent_kernel": (5, 5), "layer1.bias": (5,)},
        ),
        ("lstm", {"layer0.kernel": (3, 20), "layer1.recurrent_kernel": (5, 20), "layer0.bias": (20,)}),
        ("gru", {"layer0.kernel": (3, 15), "layer1.kernel": (5, 15), "layer0.bias": (2, 15)}),
    ],
)
def test_arrays_have_kerass_shapes(cell: str, expected: dict[str, tuple[int, ...]]) -> None:
    found = shapes(CharlmConfig(cell=cell, layers=2, units=5, embedding=3), vocabulary_size=9)
    ends = {"embedding": (9, 3), "logits.kernel": (5, 9), "logits.bias": (9,)}
    assert {**expected, **ends}.items() <= found.items()
    assert len(found) == 3 + 2 * 3
