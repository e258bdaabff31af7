"""The export to Keras, rebuilt of Keras's own layers beside our engine."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export.models import (
    CHARACTERS,
    CHARLMS,
    named,
    saved_charlm,
    saved_forecaster,
    saved_translator,
)
from helpers import TINY_GRU, TINY_HYBRID, TINY_TRANSFORMER

import rnntext
from rnntext.errors import UsageError
from rnntext.jobs.export import export
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.translator import TranslatorConfig
from rnntext.text.tokens import RESERVED

TOLERANCE = 1e-4
# Every layer and every way to share weights is in one of these; Keras takes seconds for each of them.
SOME_TRANSLATORS = [
    dataclasses.replace(TINY_GRU, tied=False, joint=False),
    dataclasses.replace(TINY_GRU, layers=1, attention="multiplicative", joint=False),
    dataclasses.replace(TINY_GRU, layers=1, attention="none"),
    dataclasses.replace(TINY_TRANSFORMER, layers=1, joint=False),
    dataclasses.replace(TINY_TRANSFORMER, layers=1, positions="learned"),
    dataclasses.replace(TINY_HYBRID, layers=1, tied=False),
]
SOME_FORECASTERS = ["shorter than a season", "linear", "deep", "lstm", "gru", "convolution"]


def rebuilt(path: Path, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model that the code of an export loads, and what its description says."""
    export(path, "keras", folder)
    assert "from rebuild import load" in (folder / "README.md").read_text()
    spec = importlib.util.spec_from_file_location("rebuild", folder / "rebuild.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model, about = module.load()
    return model, about


@pytest.mark.parametrize("config", CHARLMS[1::2], ids=lambda config: config.cell)
def test_characters_get_the_same_logits(tmp_path: Path, config: CharlmConfig) -> None:
    model, about = rebuilt(saved_charlm(tmp_path / "model", config), tmp_path / "out")
    assert about["vocabulary"] == ["[UNK]", *CHARACTERS]
    engine = rnntext.load(tmp_path / "model").engine
    ids = np.random.default_rng(0).integers(0, len(CHARACTERS) + 1, (2, 4))
    state = engine.start(2)
    ours = np.stack([engine.step(state, column).copy() for column in ids.T], axis=1)
    np.testing.assert_allclose(model(ids), ours, atol=TOLERANCE)


@pytest.mark.parametrize("config", SOME_TRANSLATORS, ids=named)
def test_tokens_get_the_same_logits_in_a_batch(tmp_path: Path, config: TranslatorConfig) -> None:
    model, about = rebuilt(saved_translator(tmp_path / "model", config), tmp_path / "out")
    engine = rnntext.load(tmp_path / "model").engine
    generator = np.random.default_rng(1)
    sizes = [len(about.get("vocabulary") or about[f"{side}_vocabulary"]) for side in ("source", "target")]
    sentences = [generator.integers(1, sizes[0], length) for length in (2, 1, 4)]
    target = generator.integers(RESERVED, sizes[1], (3, 3))
    target[:, 0] = about["start"]
    state = engine.start(sentences, 4)
    ours = np.stack([engine.step(state, column).copy() for column in target.T], axis=1)
    padded = np.full((3, 4), about["padding"])
    for row, sentence in zip(padded, sentences, strict=True):
        row[: len(sentence)] = sentence
    np.testing.assert_allclose(model([padded, target]), ours, atol=TOLERANCE)


@pytest.mark.parametrize("name", SOME_FORECASTERS)
def test_windows_get_the_same_forecasts(tmp_path: Path, name: str) -> None:
    model, about = rebuilt(saved_forecaster(tmp_path / "model", name), tmp_path / "out")
    engine = rnntext.load(tmp_path / "model").engine
    generator = np.random.default_rng(2)
    columns = len(about["columns"]) + len(about["known"])
    window = generator.normal(1000, 100, (3, engine.config.window, columns))
    window[0] -= 990  # below what has a logarithm, and below the floor
    future = generator.normal(1000, 100, (3, engine.config.ahead, engine.known))
    forecast = model([window, future] if engine.known else window)
    np.testing.assert_allclose(forecast, engine.forecast(window, engine.config.ahead, future), rtol=TOLERANCE)


def test_without_tensorflow_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved_charlm(tmp_path / "model", CHARLMS[0])
    rnntext.load(path)  # what it imports is there
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UsageError, match=r"^--to keras: this needs TensorFlow, .*: pip install 'rnntext\[train\]'"):
        export(path, "keras", tmp_path / "out")
