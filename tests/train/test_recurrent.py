"""The fast recurrent layers against Keras's own, which serve as the reference for outputs, states and gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnntext.train.products import product
from rnntext.train.recurrent import CELLS

STOCK = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
PADDED = np.arange(TIME) < np.array([[6], [4], [1]])  # right-padded sequences of 6, 4 and 1 steps
RATE = 0.4

each_cell = pytest.mark.parametrize("cell", STOCK)
masked_or_not = pytest.mark.parametrize("mask", [None, PADDED], ids=["whole", "padded"])


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


X = random(BATCH, TIME, FEATURES)


def build(kind: type, **options) -> keras.layers.RNN:
    """A layer with random weights, the same ones for every kind of the same shape."""
    layer = kind(UNITS, return_state=True, **{"return_sequences": True, **options})
    layer.build((None, None, FEATURES))
    layer.set_weights([0.6 * random(*w.shape, seed=i) for i, w in enumerate(layer.get_weights())])
    return layer


def twins(cell: str, **options) -> tuple[keras.layers.RNN, keras.layers.RNN]:
    return build(CELLS[cell], **options), build(STOCK[cell], **options)


def start(cell: str, scale: float = 1.0) -> list[np.ndarray]:
    return [scale * random(BATCH, UNITS, seed=9 + i) for i in range(2 if cell == "lstm" else 1)]


def everything(layer, x=X, states=(), mask=None, **options) -> list[np.ndarray]:
    """All results of a layer, then the gradients of its inputs, initial states and weights. In the differentiated loss
    every number has another weight."""
    x, states = tf.constant(x), [tf.constant(state) for state in states]
    mask = None if mask is None else tf.constant(mask)
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        results = tf.nest.flatten(layer(x, initial_state=states or None, mask=mask, **options))
        loss = tf.add_n([tf.reduce_sum(r * random(*r.shape, seed=20 + i)) for i, r in enumerate(results)])
    return results + tape.gradient(loss, [x, *states, *(v.value for v in layer.trainable_variables)])


def assert_equal(found, expected, tolerance: float = 2e-5) -> None:
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=tolerance, atol=tolerance)


# Against the stock layer ----------------------------------------------------------------------------------------------


@each_cell
@masked_or_not
@pytest.mark.parametrize("sequences", [True, False], ids=["all outputs", "last output"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_outputs_states_and_gradients_are_those_of_the_stock_layer(cell, mask, sequences, backwards):
    fast, stock = twins(cell, return_sequences=sequences, go_backwards=backwards)
    # Before the first step that counts Keras puts out zeros, not the initial state; here that is only backwards.
    states = () if backwards and mask is not None else start(cell)
    assert_equal(everything(fast, states=states, mask=mask), everything(stock, states=states, mask=mask))


@each_cell
@masked_or_not
def test_a_compiled_graph_computes_the_same_for_any_batch_and_length(cell, mask):
    fast, stock = twins(cell)
    shapes = [tf.TensorSpec([None, None, FEATURES]), *[tf.TensorSpec([None, UNITS])] * len(start(cell))]

    @tf.function(input_signature=shapes, autograph=False)
    def compiled(x, *states):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            outputs, *_ = fast(x, initial_state=list(states), mask=mask)
            loss = tf.reduce_sum(tf.square(outputs))
        return outputs, tape.gradient(loss, [x, *states, *(v.value for v in fast.trainable_variables)])

    x, states = tf.constant(X), [tf.constant(s) for s in start(cell)]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        outputs, *_ = stock(x, initial_state=states, mask=mask)
        loss = tf.reduce_sum(tf.square(outputs))
    gradients = tape.gradient(loss, [x, *states, *(v.value for v in stock.trainable_variables)])
    assert_equal(tf.nest.flatten(compiled(x, *states)), [outputs, *gradients])


@each_cell
def test_masked_outputs_are_zero_on_request(cell):
    fast, stock = twins(cell, zero_output_for_mask=True)
    found = everything(fast, mask=PADDED)
    assert_equal(found, everything(stock, mask=PADDED))
    assert not np.any(found[0][~PADDED])


@each_cell
def test_the_last_output_of_a_padded_sequence_is_zero_on_request(cell):
    fast, stock = twins(cell, zero_output_for_mask=True, return_sequences=False)
    assert_equal(everything(fast, mask=PADDED), everything(stock, mask=PADDED))


@each_cell
@masked_or_not
def test_keras_bidirectional_takes_the_fast_layers(cell, mask):
    fast, stock = (keras.layers.Bidirectional(layer) for layer in twins(cell))
    for wrapped in fast, stock:
        wrapped.build((BATCH, TIME, FEATURES))
        wrapped.set_weights([0.5 * random(*w.shape, seed=i) for i, w in enumerate(stock.get_weights())])
    assert isinstance(fast.backward_layer, CELLS[cell])
    assert_equal(everything(fast, mask=mask), everything(stock, mask=mask))


# State ----------------------------------------------------------------------------------------------------------------


@each_cell
def test_two_windows_with_the_state_carried_over_are_one_long_window(cell):
    fast, stock = twins(cell)
    first, *between = fast(X[:, :2])
    second, *end = fast(X[:, 2:], initial_state=between)
    assert_equal([tf.concat([first, second], axis=1), *end], stock(X))


@each_cell
def test_padding_is_neither_read_nor_remembered(cell):
    layer = build(CELLS[cell])
    other = np.where(PADDED[:, :, None], X, 7.0)
    assert_equal(layer(X, mask=tf.constant(PADDED)), layer(other, mask=tf.constant(PADDED)), tolerance=0)


@each_cell
def test_without_an_initial_state_it_is_zero(cell):
    layer = build(CELLS[cell])
    assert_equal(layer(X), layer(X, initial_state=start(cell, scale=0.0)), tolerance=0)


# Precision ------------------------------------------------------------------------------------------------------------


def test_products_round_their_operands_to_the_type_asked_for():
    a = tf.constant([[1 + 2**-9]])  # between two numbers of bfloat16, 1 and 1 + 2^-7
    assert product(a, a, tf.bfloat16).numpy() == 1.0
    assert product(a, a, tf.float32).numpy() == (1 + 2**-9) ** 2


@each_cell
def test_bfloat16_operands_stay_close_to_float32_but_are_not_it(cell):
    fast, stock = twins(cell)
    fast.operands = "bfloat16"
    found, expected = everything(fast, states=start(cell)), everything(stock, states=start(cell))
    for f, e in zip(found, expected, strict=True):
        error = np.linalg.norm(f - e) / np.linalg.norm(e)
        assert 1e-5 < error < 0.03  # bfloat16 keeps eight bits: 0.4 % each


@each_cell
def test_the_type_of_operands_survives_serialisation(cell):
    layer = build(CELLS[cell])
    layer.operands = "bfloat16"
    assert keras.layers.Bidirectional(layer).forward_layer.operands == "bfloat16"


# Dropout --------------------------------------------------------------------------------------------------------------


def with_own_units(layer: keras.layers.RNN, factor: float) -> keras.layers.RNN:
    """Lets each unit see only itself, its recurrent weights scaled by `factor`."""
    kernel, recurrent, *bias = layer.get_weights()
    gates = recurrent.shape[1] // UNITS
    layer.set_weights([kernel, factor * recurrent * np.tile(np.eye(UNITS), gates), *bias])
    return layer


@each_cell
def test_recurrent_dropout_drops_the_same_units_at_every_step(cell):
    outputs = with_own_units(build(CELLS[cell], recurrent_dropout=RATE, seed=3), 1.0)(X, training=True)[0]
    if_dropped, if_kept = (with_own_units(build(STOCK[cell]), factor)(X)[0] for factor in (0.0, 1.0 / (1.0 - RATE)))
    dropped = np.isclose(outputs, if_dropped, atol=1e-5).all(axis=1)  # at all steps: [batch, units]
    kept = np.isclose(outputs, if_kept, atol=1e-5).all(axis=1)
    np.testing.assert_array_equal(dropped, ~kept)
    assert 0 < dropped.sum() < dropped.size
    assert (dropped != dropped[0]).any()  # not the same units in each text


@each_cell
def test_recurrent_dropout_draws_anew_for_every_window(cell):
    layer = build(CELLS[cell], recurrent_dropout=RATE)
    assert not np.allclose(layer(X, training=True)[0], layer(X, training=True)[0])


@each_cell
def test_nothing_is_dropped_at_inference(cell):
    dropping, stock = build(CELLS[cell], recurrent_dropout=RATE, dropout=RATE), build(STOCK[cell])
    assert_equal(everything(dropping), everything(stock))


@each_cell
def test_gradients_see_the_dropped_units(cell):
    """(h * m) R is h (diag(m) R): a stock layer with the rows of R scaled by m."""
    fast, stock = twins(cell, recurrent_dropout=RATE)
    m = np.array([0, 1, 0, 1, 1], np.float32) / (1 - RATE)
    fast.cell.get_recurrent_dropout_mask = lambda state: tf.constant(m[None])
    kernel, recurrent, bias = stock.get_weights()
    stock.set_weights([kernel, m[:, None] * recurrent, bias])
    expected = everything(stock, states=start(cell))
    expected[-2] *= m[:, None]  # the gradient of R
    assert_equal(everything(fast, states=start(cell), training=True), expected)


@each_cell
def test_input_dropout_drops_the_same_features_at_every_step(cell):
    dropping, stock = twins(cell, dropout=RATE)
    m = np.array([0, 1, 0, 1], np.float32) / (1 - RATE)
    dropping.cell.get_dropout_mask = lambda inputs: tf.constant(m[None])
    assert_equal(dropping(X, training=True), stock(X * m))


# As Keras layers ------------------------------------------------------------------------------------------------------


@each_cell
def test_a_layer_is_rebuilt_from_its_config(cell):
    layer = build(CELLS[cell], recurrent_dropout=RATE, go_backwards=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    again.build((None, None, FEATURES))
    again.set_weights(layer.get_weights())
    assert type(again) is type(layer)
    assert again.get_config() == type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    assert_equal(again(X), layer(X), tolerance=0)


@each_cell
def test_weights_have_the_stock_layers_names_and_order(cell):
    fast, stock = twins(cell)
    for f, s in zip(fast.trainable_variables, stock.trainable_variables, strict=True):
        assert (f.name, f.shape) == (s.name, s.shape)


@pytest.mark.parametrize(
    ("cell", "options"),
    [("rnn", {"activation": "relu"}), ("lstm", {"recurrent_activation": "hard_sigmoid"}), ("lstm", {"use_bias": False}),
     ("gru", {"use_bias": False}), ("gru", {"reset_after": False})],
)  # fmt: skip
def test_options_outside_the_fast_loop_are_computed_as_keras_does(cell, options):
    fast, stock = twins(cell, **options)
    assert_equal(fast(X), stock(X))
