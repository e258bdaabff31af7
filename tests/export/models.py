"""Small models in folders, of every architecture, that exports are made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from helpers import (
    TINY_GRU,
    TINY_HYBRID,
    TINY_TRANSFORMER,
    random_arrays,
    save_charlm,
    save_forecaster,
    save_translator,
    translator_arrays,
)

from rnntext.run.forecaster_network import shapes
from rnntext.run.smoothing import grid
from rnntext.run.windows import Scale
from rnntext.settings.charlm import CELLS, CharlmConfig
from rnntext.settings.forecaster import ForecastConfig
from rnntext.settings.translator import ATTENTIONS, TranslatorConfig
from rnntext.text.tokenizers import Characters
from rnntext.text.tokens import Language

CHARACTERS = "\n abcdefghé"
CHARLMS = [CharlmConfig(cell=cell, layers=layers, units=6, embedding=5) for cell in CELLS for layers in (1, 2)]
TRANSLATORS: list[TranslatorConfig] = [
    *(
        dataclasses.replace(tiny, tied=tied, joint=joint)
        for tiny in (TINY_GRU, TINY_TRANSFORMER, TINY_HYBRID)
        for tied in (True, False)
        for joint in (True, False)
    ),
    *(dataclasses.replace(tiny, positions="learned") for tiny in (TINY_TRANSFORMER, TINY_HYBRID)),
    *(dataclasses.replace(TINY_GRU, attention=attention, layers=3) for attention in ATTENTIONS),
    dataclasses.replace(TINY_HYBRID, layers=1, decoder_layers=3),
]
_DIRECT = ForecastConfig(window=12, horizon=5, units=4)
FORECASTERS: dict[str, ForecastConfig] = {
    "naive": dataclasses.replace(_DIRECT, architecture="naive", units=None),
    "seasonal naive": dataclasses.replace(_DIRECT, architecture="seasonal-naive", units=None),
    "shorter than a season": dataclasses.replace(_DIRECT, architecture="seasonal-naive", units=None, window=2),
    "linear": dataclasses.replace(_DIRECT, architecture="linear", units=None),
    "one unit": ForecastConfig(architecture="rnn", strategy="iterated", window=12, horizon=3),
    "deep": dataclasses.replace(_DIRECT, architecture="deep-rnn", recurrent_output=True),
    "lstm": dataclasses.replace(_DIRECT, architecture="lstm", scale="standard"),
    "gru": dataclasses.replace(_DIRECT, network_window=7),
    "all steps": dataclasses.replace(_DIRECT, strategy="seq2seq", linear=False, scale="none"),
    "convolution": dataclasses.replace(_DIRECT, architecture="conv-gru", window=13),
}
SMOOTHED = ("linear", "gru", "convolution")  # correct a smoothing
COLUMNS, KNOWN = ("x", "y"), ("k",)


def named(config: TranslatorConfig) -> str:
    changed = {n: v for n, v in config.to_json().items() if n in ("tied", "joint", "positions", "attention")}
    return " ".join([config.architecture, *(f"{n}={v}" for n, v in changed.items())])


def saved_charlm(root: Path, config: CharlmConfig) -> Path:
    return save_charlm(root, config, CHARACTERS, random_arrays(config, len(CHARACTERS) + 1, scale=0.7))


def saved_translator(root: Path, config: TranslatorConfig, scale: float = 0.5) -> Path:
    config = dataclasses.replace(config, tokens="char")
    source = Language(Characters(), "abcdefgh\u2581")
    target = source if config.joint else Language(Characters(), "ABCDEFGHIJK\u2581")
    arrays = translator_arrays(config, (len(source), len(target)), seed=3, scale=scale)
    return save_translator(root, config, arrays, source, target)


def saved_forecaster(root: Path, name: str) -> Path:
    """Two columns are predicted, one is known in advance; but a single unit predicts a single column."""
    config = FORECASTERS[name]
    columns, known = (COLUMNS[:1], ()) if name == "one unit" else (COLUMNS, KNOWN)
    generator = np.random.default_rng(4)
    time = np.arange(80)[:, None] + np.arange(len(columns) + len(known))
    unit = 0.001 if config.scale == "none" else 1.0  # numbers that a network can read as they are
    series = unit * (1000 + 100 * np.sin(time) + generator.normal(0, 9, time.shape))
    shapes_by_name = shapes(config, len(columns), len(known)).items()
    arrays = {key: generator.normal(0, 0.4, shape).astype(np.float32) for key, shape in shapes_by_name}
    smoothing = tuple((grid(4)[3], grid(4)[40 + n]) for n in range(len(columns))) if name in SMOOTHED else None
    others = {"smoothing": smoothing, "least": 5.0 if name == "gru" else None, "floor": unit * 950 if known else None}

    def learn(*arguments: object) -> Scale:
        scale = Scale.learn(*arguments)  # type: ignore[arg-type]
        if name == "gru":
            logs = np.log(series[:, : len(columns)])
            scale.mean[: len(columns)], scale.spread[: len(columns)] = logs.mean(0), logs.std(0)
        return dataclasses.replace(scale, **others)  # type: ignore[arg-type]

    return save_forecaster(root, config, series, columns, known, season=4, arrays=arrays, scale_of=learn)
