"""What the translation models are built of, against NumPy's float64 and against loops."""

import math

import numpy as np
import pytest

from rnntext.run.affine import Affine
from rnntext.run.attention import (
    attend,
    centre,
    lengths_of,
    merge_heads,
    pad,
    padding_mask,
    softmax,
    split_heads,
    standardize,
)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Products -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(1, 5), (15, 5), (16, 5), (17, 5), (100, 5), (2, 3, 5), (1, 1, 5), (20, 1, 5), (0, 5)]
)
def test_affine_is_a_product_and_a_sum(shape: tuple[int, ...]) -> None:
    x, kernel, bias = normal(*shape), normal(5, 7, seed=1), normal(7, seed=2)
    found = Affine(kernel, bias)(x)
    expected = x.astype(np.float64) @ kernel + bias
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_several_products_side_by_side_are_those_of_each() -> None:
    x, kernels, biases = normal(2, 9, 5), normal(3, 5, 70, seed=1), normal(3, 70, seed=2)
    found = Affine(kernels, biases)(x)
    assert found.shape == (3, 2, 9, 70)
    for part, kernel, bias in zip(found, kernels, biases, strict=True):
        np.testing.assert_allclose(part, x.astype(np.float64) @ kernel + bias, atol=1e-5)


def test_affine_leaves_its_operands_alone() -> None:
    x, kernel, bias = normal(20, 5), normal(5, 7), normal(7)
    before = x.copy(), kernel.copy(), bias.copy()
    Affine(kernel, bias)(x)[:] = 0.0
    Affine(kernel, bias)(x.T.copy().T)[:] = 0.0  # another order in memory
    for now, then in zip((x, kernel, bias), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    ("features", "width"), [(128, 384), (128, 128), (128, 500), (64, 5000), (96, 20), (64, 192), (33, 7), (8, 24)]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_affine_makes_of_a_row_depends_on_nothing_else(features: int, width: int, order: str) -> None:
    row, kernel, bias = normal(1, features), normal(features, width, seed=1), normal(width, seed=2)
    affine = Affine(kernel, bias)
    alone = affine(row)[0]
    for count in (2, 5, 12, 16, 17, 31, 48, 64, 100, 160):
        rows = normal(count, features, seed=count)
        for place in {0, 6, count // 2, count - 1} & set(range(count)):
            rows[place] = row
            found = affine(np.array(rows, order=order))[place]
            assert np.array_equal(found, alone), f"row {place} of {count}: {np.abs(found - alone).max()} apart"


# Normalisation --------------------------------------------------------------------------------------------------------


def test_centred_and_standardized_numbers_are_the_textbooks() -> None:
    x = 3 * normal(4, 3, 16) + 1
    found = standardize(centre(x))
    for index in np.ndindex(4, 3):
        numbers = [float(number) for number in x[index]]
        mean = sum(numbers) / 16
        variance = sum((number - mean) ** 2 for number in numbers) / 16
        expected = [(number - mean) / math.sqrt(variance + 1e-6) for number in numbers]
        np.testing.assert_allclose(found[index], expected, atol=1e-5)
    assert found.dtype == np.float32


def test_equal_numbers_are_standardized_to_zero() -> None:
    x = np.full((2, 8), 5, np.float32)
    np.testing.assert_array_equal(standardize(centre(x)), np.zeros((2, 8)))
    assert (x == 5).all()


@pytest.mark.parametrize("shift", [0, 1000, -1000])
def test_softmax_is_the_textbooks_however_large_the_scores(shift: float) -> None:
    scores = normal(3, 4, 5)
    expected = np.exp(scores.astype(np.float64))
    expected /= expected.sum(axis=-1, keepdims=True)
    found = softmax(scores + np.float32(shift))
    np.testing.assert_allclose(found, expected, rtol=1e-3 if shift else 1e-5)


def test_softmax_gives_nothing_to_minus_infinity() -> None:
    scores = np.array([[0, -np.inf, 0], [-np.inf, -np.inf, 7]], np.float32)
    np.testing.assert_array_equal(softmax(scores), [[0.5, 0, 0.5], [0, 0, 1]])


# Attention ------------------------------------------------------------------------------------------------------------


def test_heads_are_slices_of_the_units() -> None:
    x = normal(2, 3, 8)
    heads = split_heads(x, 4)
    assert heads.shape == (2, 4, 3, 2)
    for batch, head, time in np.ndindex(2, 4, 3):
        np.testing.assert_array_equal(heads[batch, head, time], x[batch, time, 2 * head : 2 * head + 2])
    np.testing.assert_array_equal(merge_heads(heads), x)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_the_textbooks(masked: bool) -> None:
    queries, keys, values = normal(2, 3, 4, 6), normal(2, 3, 5, 6, seed=1), normal(2, 3, 5, 7, seed=2)
    real = np.array([5, 2]) if masked else np.array([5, 5])
    mask = padding_mask(real, 5)[:, None, None] if masked else None
    found, weights = attend(queries, keys, values, mask)
    assert weights.shape == (2, 3, 4, 5)
    for batch, head, query in np.ndindex(2, 3, 4):
        scores = [
            sum(float(a) * float(b) for a, b in zip(queries[batch, head, query], key, strict=True)) / math.sqrt(6)
            for key in keys[batch, head, : real[batch]]
        ]
        share = np.exp(scores) / sum(math.exp(score) for score in scores)
        np.testing.assert_allclose(weights[batch, head, query, : real[batch]], share, atol=1e-6)
        np.testing.assert_array_equal(weights[batch, head, query, real[batch] :], 0)
        expected = sum(w * v.astype(np.float64) for w, v in zip(share, values[batch, head], strict=False))
        np.testing.assert_allclose(found[batch, head, query], expected, atol=1e-5)


def test_a_mask_is_zero_on_the_sentence_and_minus_infinity_behind_it() -> None:
    mask = padding_mask(np.array([1, 3, 4]), 4)
    oo = -np.inf
    np.testing.assert_array_equal(mask, [[0, oo, oo, oo], [0, 0, 0, oo], [0, 0, 0, 0]])
    assert mask.dtype == np.float32


def test_sentences_are_filled_up_with_zeros() -> None:
    sentences = [np.array([5, 6, 7]), np.array([8]), np.array([], np.int32)]
    ids = pad(sentences, 4)
    np.testing.assert_array_equal(ids, [[5, 6, 7, 0], [8, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(lengths_of(sentences), [3, 1, 0])
    assert ids.dtype == np.int32
