"""What a version of a translation model says of itself."""

from __future__ import annotations

import reprlib

from rnntext.errors import CheckpointError
from rnntext.settings.translator import ARCHITECTURES, TranslatorConfig
from rnntext.storage.checkpoint import Checkpoint
from rnntext.text import training_text
from rnntext.text.training_text import TrainingText


def stored_config(source: Checkpoint) -> tuple[TranslatorConfig, int]:
    """The config of the model, and the maximum number of tokens of a sentence in its training."""
    # 1. Read the architecture.
    settings = source.json("config.json")
    where = f"{source.path}: config.json"
    if not isinstance(settings, dict) or not isinstance(settings.get("model"), dict):
        raise CheckpointError(f"{where}: not the settings of a translation model")
    model = dict(settings["model"])
    architecture = model.pop("architecture", None)
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise CheckpointError(
            f"{where}: architecture {reprlib.repr(architecture)} is unknown to this version of rnntext"
        )
    # 2. Read the length. The manifest has that of the longest sentence; the settings have only the limit.
    training = settings.get("training")
    limit = training.get("longest") if isinstance(training, dict) else None
    longest = source.manifest.get("longest", limit)
    if type(longest) is not int or not 1 <= longest <= 100_000:
        raise CheckpointError(f"{where}: 'longest' is missing")
    return ARCHITECTURES[architecture].from_json(model), longest


def stored_training_text(source: Checkpoint, longest: int) -> TrainingText:
    """What the model has learnt from. Of an older version little is known: it takes one sentence for a usual line."""
    if training_text.FILE not in source.files:
        return TrainingText(None, sentences=1, tokens=longest)
    return TrainingText.from_json(source.json(training_text.FILE))
