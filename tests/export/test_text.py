"""The export as text: engines that know its files alone answer as ours does."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export.models import CHARLMS, FORECASTERS, TRANSLATORS, named, saved_charlm, saved_forecaster, saved_translator
from helpers import gru_step, lstm_step, rnn_step, textbook_logits
from run.test_translators import textbook

from rnntext.jobs.export import exported
from rnntext.settings.charlm import CharlmConfig
from rnntext.settings.translator import TranslatorConfig

STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, Any]]:
    """Description, weights and check of an export, as a program reads them that knows nothing of rnntext."""
    files = exported(path, "text")
    weights = {}
    lines = files["weights.txt"].decode().splitlines()
    while lines:
        name, *shape = lines.pop(0).split(" ")
        count = math.prod(map(int, shape[:-1]))
        numbers = [float(number) for line in lines[:count] for number in line.split(" ")]
        weights[name] = np.array(numbers).reshape(*map(int, shape))
        del lines[:count]
    assert b"`model.json`" in files["README.md"]
    return json.loads(files["model.json"]), weights, json.loads(files["check.json"])


def test_weights_come_back_to_the_bit(tmp_path: Path) -> None:
    import rnntext

    _, weights, _ = read(saved_charlm(tmp_path, CHARLMS[0]))
    arrays = rnntext.load(tmp_path).engine.weights
    assert weights.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(weights[name].astype(np.float32), array)


@pytest.mark.parametrize("config", CHARLMS, ids=lambda config: f"{config.cell} {config.layers}")
def test_a_textbook_model_of_characters_answers_the_same(tmp_path: Path, config: CharlmConfig) -> None:
    about, weights, check = read(saved_charlm(tmp_path, config))
    assert check["ids"][0] == about["start"] == about["vocabulary"].index("\n")
    logits = textbook_logits(CharlmConfig(**about["config"]), weights, check["ids"])
    np.testing.assert_allclose(check["logits"], logits, atol=1e-4)


@pytest.mark.parametrize("config", TRANSLATORS, ids=named)
def test_a_textbook_translator_answers_the_same(tmp_path: Path, config: TranslatorConfig) -> None:
    about, weights, check = read(saved_translator(tmp_path, config))
    assert about["config"].pop("architecture") == config.architecture
    told = dataclasses.replace(config, **about["config"])
    assert check["target"][0] == about["start"]
    logits, _ = textbook(told, weights, check["source"], check["target"])
    np.testing.assert_allclose(check["logits"], logits, atol=1e-4)


@pytest.mark.parametrize("name", FORECASTERS)
def test_a_textbook_forecaster_answers_the_same(tmp_path: Path, name: str) -> None:
    about, weights, check = read(saved_forecaster(tmp_path, name))
    forecast = forecast_by_the_readme(about, weights, np.array(check["window"]), np.array(check["future"]))
    np.testing.assert_allclose(check["forecast"], forecast, rtol=1e-5)


def test_the_future_of_the_check_is_the_true_one(tmp_path: Path) -> None:
    path = saved_forecaster(tmp_path, "gru")
    _, _, check = read(path)
    series = json.loads((path / "versions" / "000001" / "held_out.json").read_text())
    window = len(check["window"])
    assert check["window"] == series[:window]
    assert check["future"] == [[known] for _, _, known in series[window : window + len(check["future"])]]


def forecast_by_the_readme(
    about: dict[str, Any], weights: dict[str, np.ndarray], window: np.ndarray, future: np.ndarray
) -> np.ndarray:
    """`[ahead, columns]`, with the steps and the names of the README."""
    scale, ahead, read, count = about["scale"], about["ahead"], about["read"], len(about["columns"])
    mean, spread = np.array(scale["mean"]), np.array(scale["spread"])

    def scaled(rows: np.ndarray) -> np.ndarray:
        rows = rows.copy()
        if scale["least"] is not None:
            rows[:, :count] = np.log(np.maximum(rows[:, :count], scale["least"]))
        return (rows - mean) / spread

    u = scaled(window)
    last = len(u) - 1
    ahead_known = np.concatenate([window[:, count:], future.reshape(ahead, -1)])
    known = (ahead_known - mean[count:]) / spread[count:]
    first = u[last - read + 1, :count] if scale["relative"] else 0.0
    inputs = [
        np.concatenate([u[t, :count] - first, *(known[t + k] for k in range(1, ahead + 1))])
        for t in range(last - read + 1, last + 1)
    ]

    y = network(about["cell"], weights, np.array(inputs), ahead * count).reshape(ahead, count)
    base = np.zeros((ahead, count))
    for k in range(1, ahead + 1):
        for c in range(count):
            if "smoothing.kernel" in weights:
                base[k - 1, c] = u[:, c] @ weights["smoothing.kernel"][c, :, k - 1]
            elif scale["relative"]:
                before = last + k - scale["season"] * math.ceil(k / scale["season"])
                base[k - 1, c] = u[before if before >= 0 else last, c]
    values = (y + base) * spread[:count] + mean[:count]
    if scale["least"] is not None:
        values = np.exp(values)
    return values if scale["floor"] is None else np.maximum(values, scale["floor"])


def network(cell: str | None, weights: dict[str, np.ndarray], inputs: np.ndarray, outputs: int) -> np.ndarray:
    flat = x = inputs
    if "convolution.kernel" in weights:
        begins = range((len(x) - 4) % 2, len(x) - 3, 2)
        kernel, bias = weights["convolution.kernel"], weights["convolution.bias"]
        x = np.array([sum(x[j + i] @ kernel[i] for i in range(4)) + bias for j in begins])
    h = flat.ravel()
    layers = sum(name.endswith(".recurrent_kernel") for name in weights)
    for layer in range(layers):
        parts = [weights[f"layer{layer}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")]
        h, c = np.zeros(len(parts[1])), np.zeros(len(parts[1]))
        outputs_of_layer = []
        for row in x:
            h, c = STEPS[str(cell)](row, h, c, *parts)
            outputs_of_layer.append(h)
        x = np.array(outputs_of_layer)
    if "output.kernel" in weights:
        y = h @ weights["output.kernel"] + weights["output.bias"]
    else:
        y = h if layers else np.zeros(outputs)
    return y + flat.ravel() @ weights["linear.kernel"] if "linear.kernel" in weights else y
