"""What given translations are worth: teacher forcing, side by side, against one sentence stepped alone."""

import dataclasses
import math

import numpy as np
import pytest
from helpers import TINY_GRU, TINY_HYBRID, TINY_TRANSFORMER, sentences, translator_arrays

from rnntext.run import translators
from rnntext.run.batching import length_class
from rnntext.run.forcing import log_probabilities
from rnntext.run.model import Model
from rnntext.run.search import search
from rnntext.run.threads import blas_threads
from rnntext.settings.search import SearchConfig
from rnntext.settings.translator import ATTENTIONS, GRUConfig, HybridConfig, TransformerConfig, TranslatorConfig
from rnntext.text.tokens import END, START, UNKNOWN

CONFIGS: list[TranslatorConfig] = [
    TINY_TRANSFORMER,
    TINY_HYBRID,
    *(dataclasses.replace(TINY_GRU, attention=a) for a in ATTENTIONS),
]
every_config = pytest.mark.parametrize(
    "config", CONFIGS, ids=lambda c: f"{type(c).__name__} {getattr(c, 'attention', '')}"
)


def model_of(config: TranslatorConfig, ending: float = 0.0) -> Model:
    arrays = translator_arrays(config, (12, 12), seed=1, scale=0.7)
    arrays["logits.bias"][END] += ending
    return translators.build(config, arrays)


def alone(model: Model, source: np.ndarray, target: np.ndarray) -> float:
    """The sum of the log-softmax of each token and of the end, in float64."""
    state = model.start([source], length_class(len(source)))
    total, last = 0.0, START
    for token in [*target.tolist(), END]:
        logits = model.step(state, np.array([last]))[0].astype(np.float64)
        total += logits[token] - math.log(sum(math.exp(logit) for logit in logits))
        last = token
    return total


@pytest.mark.parametrize("batch_tokens", [1, 30, 100, 10_000])
@every_config
def test_a_targets_log_probability_is_the_sum_over_its_tokens_and_its_end(
    config: TranslatorConfig, batch_tokens: int
) -> None:
    model = model_of(config)
    sources, targets = sentences(20, 12, seed=2, longest=20), sentences(20, 12, seed=3, shortest=0, longest=15)
    targets[5] = np.array([UNKNOWN, 4, UNKNOWN], np.int32)
    found = log_probabilities(model, sources, targets, batch_tokens)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [alone(model, *pair) for pair in zip(sources, targets, strict=True)], atol=1e-4)
    assert np.ptp(found) > 1


def test_an_empty_target_is_its_end_alone() -> None:
    model = model_of(TINY_TRANSFORMER)
    source = np.array([4, 5, 6], np.int32)
    (found,) = log_probabilities(model, [source], [np.zeros(0, np.int32)], 100)
    assert found == pytest.approx(alone(model, source, np.zeros(0, np.int32)), abs=1e-5)
    assert found < 0


def test_nothing_to_score_is_no_score() -> None:
    assert log_probabilities(model_of(TINY_GRU), [], [], 100).shape == (0,)


@every_config
def test_an_answer_is_worth_what_the_search_said(config: TranslatorConfig) -> None:
    model, sources = model_of(config, ending=8.0), sentences(10, 12, seed=5, longest=8)
    answers = search(model, sources, 8, SearchConfig(beam=3, n_best=3, max_length=30), range(START + 1))
    kept = [(s, h) for s, found in zip(sources, answers, strict=True) for h in found if len(h.ids) < 30]  # not cut off
    assert len(kept) > 5
    found = log_probabilities(model, [s for s, _ in kept], [np.array(h.ids) for _, h in kept], 1000)
    np.testing.assert_allclose(found, [h.log_probability for _, h in kept], atol=1e-4)


@pytest.mark.parametrize(
    "config",
    [
        TransformerConfig(layers=2, units=128, heads=4),
        HybridConfig(layers=2, units=128, heads=4),
        GRUConfig(layers=2, units=64, embedding=64),
    ],
    ids=lambda config: type(config).__name__,
)
def test_a_pair_is_worth_the_same_among_any_neighbours(config: TranslatorConfig) -> None:
    model = translators.build(config, translator_arrays(config, (500, 500), scale=0.1))
    sources, targets = sentences(40, 500, seed=1), sentences(40, 500, seed=2, longest=12)
    with blas_threads(1):
        alone = log_probabilities(model, sources, targets, 1)
        for batch_tokens in (50, 5000):
            np.testing.assert_array_equal(log_probabilities(model, sources, targets, batch_tokens), alone)
