"""ONNX Runtime's character model with 8-bit weights says nearly what NumPy's says."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import random_arrays

from rnntext.errors import CheckpointError, UsageError
from rnntext.export import onnx_int8
from rnntext.jobs.character_engines import predictor
from rnntext.jobs.load import load_characters
from rnntext.run.charlm import Charlm
from rnntext.run.onnxruntime import OnnxRuntime
from rnntext.settings.charlm import CharlmConfig, SamplingConfig
from rnntext.text.vocabulary import CharVocabulary

GOLDEN = Path(__file__).parents[1] / "golden" / "charlm-lstm"
CHARACTERS = list("abcdefghé\n")
VOCABULARY = CharVocabulary(CHARACTERS)
CONFIG = CharlmConfig(layers=2, units=24, embedding=8)
IDS = np.random.default_rng(3).integers(0, len(VOCABULARY), [4, 50])  # [texts, time]


def arrays(seed: int = 1) -> dict[str, np.ndarray]:
    return random_arrays(CONFIG, len(VOCABULARY), seed)


def onnxruntime(weights: dict[str, np.ndarray], threads: int = 1) -> OnnxRuntime:
    model = predictor("onnxruntime", CONFIG, VOCABULARY, weights, threads)
    assert isinstance(model, OnnxRuntime)
    return model


def walk(model: Charlm | OnnxRuntime, ids: np.ndarray) -> np.ndarray:
    """The logits after each character, `[time, texts, vocabulary]`."""
    state = model.start(len(ids))
    return np.stack([model.step(state, column).copy() for column in ids.T])


def rounded(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of matrix products, each column rounded to 255 levels, the highest of which is its largest weight."""
    found = dict(weights)
    for name, array in weights.items():
        if name.endswith("kernel"):
            level = np.abs(array).max(axis=0) / 127
            found[name] = (np.round(array / level) * level).astype(np.float32)
    return found


def test_it_is_the_model_of_the_rounded_weights() -> None:
    """Only what the weights are multiplied by is rounded besides, to 255 levels a step."""
    there = walk(onnxruntime(arrays()), IDS)
    exact = walk(Charlm(CONFIG, VOCABULARY, rounded(arrays())), IDS)
    assert np.abs(there - exact).max() < 0.02 * np.abs(exact).max()
    swapped = walk(Charlm(CONFIG, VOCABULARY, rounded(arrays(seed=2))), IDS)
    assert np.abs(there - swapped).max() > 0.2 * np.abs(exact).max()


def test_a_trained_model_loses_next_to_nothing() -> None:
    text = (Path(__file__).parents[2] / "corpora" / "valley.txt").read_text()[:6000]
    ours, theirs = (load_characters(GOLDEN, engine=engine).score(text) for engine in ("numpy", "onnxruntime"))
    assert ours[1] == theirs[1]
    assert theirs[0] / theirs[1] == pytest.approx(ours[0] / ours[1], abs=0.005)
    assert theirs != ours  # it was the other engine


def test_the_texts_of_a_batch_go_their_own_ways() -> None:
    model = onnxruntime(arrays())
    together = walk(model, IDS)
    for row in range(len(IDS)):
        alone = walk(model, IDS[row : row + 1])[:, 0]
        assert np.abs(alone - together[:, row]).max() < 0.02 * np.abs(alone).max()


def test_threads_change_nothing_of_one_text() -> None:
    one = IDS[:1]
    np.testing.assert_array_equal(walk(onnxruntime(arrays(), threads=2), one), walk(onnxruntime(arrays()), one))


def test_weights_come_back_to_half_a_level() -> None:
    weights = np.random.default_rng(0).normal(0, [1e-6, 1.0, 50.0], [100, 3]).astype(np.float32)
    weights[:, 1] = 0
    numbers, scales, zeros = onnx_int8.quantized(weights)
    assert (numbers.dtype, zeros.dtype, scales.dtype) == (np.uint8, np.uint8, np.float32)
    restored = (numbers.astype(np.float64) - zeros) * scales
    assert (np.abs(restored - weights) <= 0.5001 * scales).all()
    assert not restored[:, 1].any()


def test_damaged_weights_are_refused() -> None:
    weights = arrays()
    weights["layer1.recurrent_kernel"][3, 5] = np.nan
    with pytest.raises(CheckpointError, match="damaged, or diverged"):
        onnxruntime(weights)


def test_it_is_chosen_by_name_also_when_it_is_unpickled() -> None:
    model = load_characters(GOLDEN, engine="onnxruntime")
    assert isinstance(pickle.loads(pickle.dumps(model)).engine, OnnxRuntime)
    greedy = SamplingConfig(temperature=0)
    texts = [
        model.generate_many("The ", count=1, length=8, sampling=greedy) for model in (model, load_characters(GOLDEN))
    ]
    assert texts[0] == texts[1]


def test_an_ensemble_has_such_members() -> None:
    ensemble = load_characters([GOLDEN, GOLDEN], engine="onnxruntime")
    alone = load_characters(GOLDEN, engine="onnxruntime")
    assert ensemble.score("The miller ")[0] == pytest.approx(alone.score("The miller ")[0], rel=1e-5)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_packages_it_says_how_to_get_them(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match=r"pip install 'rnntext\[onnxruntime\]'"):
        load_characters(GOLDEN, engine="onnxruntime")


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "another cell": (
        lambda: load_characters(GOLDEN.parent / "charlm-gru", engine="onnxruntime"),
        "runs LSTMs only; this model has --cell gru: leave the option out",
    ),
    "another engine": (lambda: load_characters(GOLDEN, engine="onnxrun"), "did you mean onnxruntime"),
    "learning": (
        lambda: load_characters(GOLDEN, engine="onnxruntime").adapted("The miller walks."),
        "--adapt: only NumPy's engine learns from a text; leave --engine out",
    ),
    "an ensemble's learning": (
        lambda: load_characters([GOLDEN, GOLDEN], engine="onnxruntime").score("The miller", adapt=True),
        "--adapt: only NumPy's engine learns from a text",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_do_is_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        call()
