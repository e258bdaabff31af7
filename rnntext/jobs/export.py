"""Trained models for other programs: a version becomes the files of another format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnntext.errors import UsageError
from rnntext.export import TARGETS
from rnntext.export.model import DESCRIPTION, ExportedModel
from rnntext.files.atomic import check_new_folder, named, write_folder
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.forecasting import ForecastModel
from rnntext.jobs.generate import never_drawn
from rnntext.jobs.load import Version, load
from rnntext.jobs.translation import TranslationModel
from rnntext.run.charlm import Charlm
from rnntext.run.forecaster_network import layer_units
from rnntext.run.positions import table_rows
from rnntext.settings.base import check_choice
from rnntext.settings.forecaster import FORECASTERS
from rnntext.storage.json_files import to_json
from rnntext.text import tokens
from rnntext.text.vocabulary import UNKNOWN
from rnntext.version import __version__

_CHECKED = 4  # ids that an engine is checked with
Model = CharacterModel | TranslationModel | ForecastModel


def export(path: Path, target: str, folder: Path, version: Version = None) -> None:
    """Writes a version of a model in another format.

    Args:
        path: the model's folder.
        target: one of TARGETS.
        folder: to be made; it appears when it is complete.
        version: its name, leading zeros or not; None: the one in service.

    Raises:
        UsageError: there is no such version, the format is unknown or cannot hold this kind of model, a package is not
            installed, or the folder exists already.
        CheckpointError: the version is damaged.
        OSError: the folder cannot be written.
    """
    check_new_folder(folder, "--output")
    files = exported(path, target, version)
    with named(folder, "--output", "folder"):
        write_folder(folder, files, last=DESCRIPTION)


def exported(path: Path, target: str, version: Version = None) -> dict[str, bytes]:
    """The content of each file that `export` writes, by name."""
    check_choice("to", target, TARGETS)
    source = load(path, version=version)
    model = _model(source)
    files = _files(model, target, source)
    return {**files, **model.files, DESCRIPTION: to_json(dict(model.description))}


def _files(model: ExportedModel, target: str, source: Model) -> dict[str, bytes]:
    """The files that only this format has, by name."""
    if target == "onnx":
        from rnntext.export import onnx_files

        return onnx_files.files(model)
    if target == "ctranslate2":
        from rnntext.export import ctranslate2

        return ctranslate2.files(model)
    if target == "keras":
        return _keras_files(model)
    from rnntext.export import text

    return text.files(model, _check(source))


def _keras_files(model: ExportedModel) -> dict[str, bytes]:
    from rnntext.train import tensorflow

    try:
        tensorflow.start(seed=1)
    except UsageError as error:
        raise UsageError(f"--to keras: {error}") from error
    from rnntext.train import keras_files

    return keras_files.files(model)


# What a model is ------------------------------------------------------------------------------------------------------


def _model(source: Model) -> ExportedModel:
    """A model in service, as exports are made from it."""
    common: dict[str, Any] = {
        "rnntext": __version__,
        "kind": source.checkpoint.kind,
        "version": source.checkpoint.version,
    }
    if isinstance(source, CharacterModel):
        return _charlm(source, common)
    if isinstance(source, TranslationModel):
        return _translator(source, common)
    return _forecaster(source, common)


def _charlm(source: CharacterModel, common: dict[str, Any]) -> ExportedModel:
    engine = source.engine
    assert isinstance(engine, Charlm)
    vocabulary = engine.vocabulary
    description = {
        **common,
        "config": source.config.to_json(),
        "unknown": UNKNOWN,
        "start": vocabulary.start,
        "forbidden": never_drawn(engine),
        "vocabulary": ["[UNK]", *vocabulary.characters],
    }
    return ExportedModel(source.config, engine.weights, description, {})


def _translator(source: TranslationModel, common: dict[str, Any]) -> ExportedModel:
    engine: Any = source.engine
    languages = {"vocabulary": source.source}
    if source.source is not source.target:
        languages = {"source_vocabulary": source.source, "target_vocabulary": source.target}
    vocabularies = {name: [*tokens.NAMES, *language.tokens] for name, language in languages.items()}
    forbidden = source.target.forbidden
    description = {
        **common,
        "config": {"architecture": source.config.architecture, **source.config.to_json()},
        "positions": table_rows(source.longest),
        "padding": tokens.PAD,
        "unknown": tokens.UNKNOWN,
        "start": tokens.START,
        "end": tokens.END,
        "forbidden": [token for token in forbidden if not isinstance(token, tuple)],
        "forbidden_pairs": [list(token) for token in forbidden if isinstance(token, tuple)],
        **vocabularies,
    }
    files = {
        name: data for name, data in tokens.to_files(source.source, source.target).items() if isinstance(data, bytes)
    }
    return ExportedModel(source.config, engine.arrays, description, files)


def _forecaster(source: ForecastModel, common: dict[str, Any]) -> ExportedModel:
    config = source.config
    scale = source.engine.scale
    arrays = source.engine.arrays
    cell = FORECASTERS[config.architecture].cell
    outputs = config.ahead * scale.targets
    description = {
        **common,
        "config": config.to_json(),
        "cell": cell,
        "layer_units": list(layer_units(config, outputs)) if cell else [],
        "output": "output.kernel" in arrays,
        "linear": "linear.kernel" in arrays,
        "ahead": config.ahead,
        "read": config.read,
        "columns": source.columns,
        "known": source.known,
        "step": source.about.get("step"),
        "scale": scale.to_json(),
    }
    return ExportedModel(config, arrays, description, {}, scale)


# What it answers ------------------------------------------------------------------------------------------------------


def _check(source: Model) -> dict[str, Any]:
    """An input, and what our engine answers to it."""
    if isinstance(source, CharacterModel):
        return _charlm_check(source)
    if isinstance(source, TranslationModel):
        return _translator_check(source)
    return _forecaster_check(source)


def _charlm_check(source: CharacterModel) -> dict[str, Any]:
    vocabulary = source.engine.vocabulary
    following = list(range(1, len(vocabulary)))
    ids = [vocabulary.start, *following[-_CHECKED:]]
    state = source.engine.start()
    logits = [source.engine.feed(state, [one])[0].tolist() for one in ids]
    return {"ids": ids, "logits": logits}


def _translator_check(source: TranslationModel) -> dict[str, Any]:
    ids = np.arange(tokens.RESERVED, len(source.source))[-_CHECKED:]  # [source]
    target = [tokens.START, *range(tokens.RESERVED, len(source.target))][: 1 + _CHECKED]
    state = source.engine.start([ids], len(ids))
    logits = [source.engine.step(state, np.array([token]))[0].tolist() for token in target]
    return {"source": ids.tolist(), "target": target, "logits": logits}


def _forecaster_check(source: ForecastModel) -> dict[str, Any]:
    window = source.config.window
    ahead = source.config.ahead
    steps = np.minimum(np.arange(window + ahead), source.held_out.values.shape[1] - 1)  # the last one may be repeated
    values = source.held_out.values[:, steps]  # [1, window + ahead, columns]
    window_values = values[:, :window]
    future = values[:, window:, source.engine.scale.targets :]  # [1, ahead, known]
    forecast = source.engine.forecast(window_values, ahead, future)
    return {"window": window_values[0].tolist(), "future": future[0].tolist(), "forecast": forecast[0].tolist()}
