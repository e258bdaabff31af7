"""The translation models in Keras and in NumPy are the same models, and they learn."""

from __future__ import annotations

import dataclasses
import itertools
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnntext.run import translators
from rnntext.run.search import search_all
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import GRUConfig, HybridConfig, TransformerConfig, TranslatorConfig, TranslatorTraining
from rnntext.text.tokenizers import Characters
from rnntext.text.tokens import END, RESERVED, START, Language
from rnntext.train.loop import Loop
from rnntext.train.pipelines import SentenceIds, Vectorizer
from rnntext.train.translator_task import MODELS, TranslatorTask
from rnntext.watch.observer import Observer

TRANSFORMER = TransformerConfig(layers=2, units=16, heads=2, feedforward=24)
HYBRID = HybridConfig(layers=2, decoder_layers=2, units=16, heads=2, feedforward=24)
GRU = GRUConfig(layers=2, units=6, embedding=5)
SIZES = (20, 25)

SHAPES: list[TranslatorConfig] = [
    *(
        dataclasses.replace(TRANSFORMER, tied=tied, joint=joint, positions=positions)
        for tied, joint, positions in itertools.product([True, False], [True, False], ["sinusoidal", "learned"])
    ),
    HYBRID,
    dataclasses.replace(HYBRID, decoder_layers=1, tied=False, positions="learned"),
    dataclasses.replace(HYBRID, layers=1, joint=False),
    *(
        dataclasses.replace(GRU, tied=tied, joint=joint, attention=attention, layers=layers)
        for tied, joint, attention, layers in itertools.product(
            [True, False], [True, False], ["additive", "multiplicative", "none"], [1, 2]
        )
    ),
]


def named(config: TranslatorConfig) -> str:
    """What distinguishes a config from others."""
    values = [
        type(config).__name__,
        *(getattr(config, n, "") for n in ("attention", "positions", "layers", "decoder_layers")),
    ]
    return "-".join(str(v) for v in [*values, "tied" * config.tied, "joint" * config.joint] if v)


def twins(config: TranslatorConfig, scale: float = 0.3, seed: int = 0):
    """The same random weights in Keras and in NumPy, and the sizes of the vocabularies."""
    sizes = (SIZES[0], SIZES[0]) if config.joint else SIZES
    model = MODELS[type(config)](config, sizes)
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0.0, scale, variable.shape))
    return model, translators.build(config, model.arrays()), sizes


def sentences(lengths: list[int], size: int, seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(RESERVED, size, length) for length in lengths]


def padded(members: list[np.ndarray], longest: int) -> np.ndarray:
    return np.array([[*m, *[0] * (longest - len(m))] for m in members], np.int32)


every_shape = pytest.mark.parametrize("config", SHAPES, ids=named)


@every_shape
def test_the_arrays_have_the_names_and_shapes_of_the_numpy_twin_and_are_all_of_them(config):
    model, _, sizes = twins(config)
    arrays = model.arrays()
    assert {n: a.shape for n, a in arrays.items()} == translators.shapes(config, *sizes)
    assert len(arrays) == len(model.trainable_variables)


@every_shape
def test_teacher_forced_logits_are_equal_with_padded_sources(config):
    model, engine, sizes = twins(config)
    sources = sentences([3, 8, 5, 1], sizes[0])
    target = np.column_stack([np.full(4, START), np.stack(sentences([11] * 4, sizes[1], seed=2))]).astype(np.int32)
    expected = model(tf.constant(padded(sources, 8)), tf.constant(target)).numpy()
    state = engine.start(sources, 8)
    found = np.stack([engine.step(state, column) for column in target.T], axis=1)
    assert found.shape == (4, 12, sizes[1])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@every_shape
def test_every_hypothesis_of_a_sentence_sees_its_own_past(config):
    model, engine, sizes = twins(config)
    sources = sentences([3, 8], sizes[0])
    pasts = np.column_stack([np.full(6, START), np.stack(sentences([7] * 6, sizes[1], seed=3))]).astype(np.int32)
    state = engine.start(sources, 8)
    state.reorder(np.repeat(np.arange(2), 3))
    order = np.array([2, 0, 0, 4, 3, 5])  # as a beam search would take them
    for column in pasts[:, :4].T:
        engine.step(state, column)
    state.reorder(order)
    mixed = np.concatenate([pasts[order, :4], pasts[:, 4:]], axis=1)
    expected = model(tf.constant(np.repeat(padded(sources, 8), 3, axis=0)), tf.constant(mixed)).numpy()
    found = np.stack([engine.step(state, column) for column in mixed[:, 4:].T], axis=1)
    np.testing.assert_allclose(found, expected[:, 4:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", [TRANSFORMER, HYBRID, GRU], ids=named)
def test_500_steps_stay_equal(config):
    model, engine, sizes = twins(config, scale=0.2)
    sources = sentences([7, 8], sizes[0])
    target = np.column_stack([np.full(2, START), np.stack(sentences([499] * 2, sizes[0], seed=2))]).astype(np.int32)
    expected = model(tf.constant(padded(sources, 8)), tf.constant(target)).numpy()
    state = engine.start(sources, 8)
    found = np.stack([engine.step(state, column) for column in target.T], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", [TRANSFORMER, HYBRID, GRU], ids=named)
def test_a_prediction_knows_nothing_of_later_target_tokens(config):
    model, _, sizes = twins(config)
    source = tf.constant(padded(sentences([5], sizes[0]), 5))
    target = np.array([[START, 7, 8, 9, 10, 11]], np.int32)
    changed = target.copy()
    changed[0, 4:] = [15, 16]
    before, after = (model(source, tf.constant(t)).numpy() for t in (target, changed))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


@pytest.mark.parametrize(
    "config", [TRANSFORMER, HYBRID, GRU, dataclasses.replace(GRU, attention="multiplicative")], ids=named
)
def test_padding_of_the_source_changes_nothing(config):
    model, _, sizes = twins(config)
    (source,) = sentences([5], sizes[0])
    target = tf.constant([[START, 7, 8, 9]])
    short, long = (model(tf.constant(padded([source], n)), target).numpy() for n in (5, 13))
    np.testing.assert_allclose(short, long, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("config", [TRANSFORMER, HYBRID, GRU], ids=named)
def test_bfloat16_operands_leave_the_logits_about_as_they_are(config):
    model, _, sizes = twins(config)
    rounded = MODELS[type(config)](config, sizes, None, "bfloat16")
    for variable, value in zip(rounded.trainable_variables, model.trainable_variables, strict=True):
        variable.assign(value)
    source, target = tf.constant(padded(sentences([5], sizes[0]), 5)), tf.constant([[START, 7, 8, 9]])
    exact, rough = (m(source, target).numpy() for m in (model, rounded))
    assert 0 < np.abs(exact - rough).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize("config", [TRANSFORMER, HYBRID, GRU], ids=named)
def test_every_weight_gets_a_gradient(config):
    model, _, sizes = twins(config)
    source, target = padded(sentences([5, 3], sizes[0]), 5), np.array([[START, 7, 8], [START, 9, 10]], np.int32)
    with tf.GradientTape() as tape:
        logits = model(tf.constant(source), tf.constant(target), training=True)
        loss = tf.reduce_sum(tf.nn.log_softmax(logits)[..., 5])
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path


def test_dropout_is_on_in_training_only():
    training = TranslatorTraining(dropout=0.5)
    for config in (TRANSFORMER, HYBRID, GRU):
        model = MODELS[type(config)](config, (SIZES[0], SIZES[0]), training)
        source, target = tf.constant(padded(sentences([5], SIZES[0]), 5)), tf.constant([[START, 7, 8, 9]])
        still = [model(source, target).numpy() for _ in range(2)]
        moving = [model(source, target, training=True).numpy() for _ in range(2)]
        np.testing.assert_array_equal(*still)
        assert np.abs(moving[0] - moving[1]).max() > 1e-3


# Learning -------------------------------------------------------------------------------------------------------------

LETTERS = "abcde"


def words(count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(LETTERS), rng.integers(3, 6))) for _ in range(count)]


@pytest.mark.parametrize(
    ("config", "task"),
    [
        (TransformerConfig(layers=2, units=32, heads=2, feedforward=64, tokens="char"), "reverse"),
        (HybridConfig(layers=1, decoder_layers=1, units=32, heads=2, feedforward=64, tokens="char"), "copy"),
        (GRUConfig(layers=1, units=48, embedding=32, tokens="char"), "reverse"),
    ],
    ids=["transformer", "hybrid", "gru"],
)
def test_copying_and_reversing_are_learnt_completely(config, task, tmp_path):
    keras.utils.set_random_seed(1)
    language = Language(Characters(), LETTERS)
    sources = words(1500, seed=1)
    unseen = sorted(set(words(120, seed=2)) - set(sources))
    training = TranslatorTraining(
        steps=400, warmup=100, learning_rate=0.01, dropout=0.0, batch_tokens=512, average=0.98, smoothing=0.0
    )
    answer = {"copy": lambda text: text, "reverse": lambda text: text[::-1]}[task]
    pairs = [(source, answer(source)) for source in sources]
    ids = tuple(SentenceIds(*Vectorizer(language)([pair[side] for pair in pairs])) for side in (0, 1))
    trained = TranslatorTask(config, training, (language, language), ids, [(w, answer(w)) for w in unseen])
    loop = Loop(trained, training, tmp_path / "state", Observer(), time.monotonic())
    loop.run(lambda: False)
    engine = translators.build(config, trained.model.arrays(loop.best))
    encoded = [language.encode(word) for word in unseen]
    found = dict(search_all(engine, encoded, SearchConfig(beam=1, batch_tokens=512), language.forbidden))
    assert [language.decode(found[n][0].ids) for n in range(len(unseen))] == [answer(word) for word in unseen]
    assert END not in found[0][0].ids
