"""What all exports are made from: a model's config, weights, and a description that says all the rest in plain JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnntext.files.atomic import read_bytes
from rnntext.run.arrays import Array, Weights
from rnntext.run.smoothing import mean_kernels
from rnntext.run.windows import Scale
from rnntext.settings.base import Config
from rnntext.settings.forecaster import ForecastConfig
from rnntext.settings.translator import TranslatorConfig

DESCRIPTION = "model.json"  # name of the file that holds the description
_PAGES = Path(__file__).parent / "pages"


@dataclasses.dataclass(frozen=True)
class ExportedModel:
    """A model on its way into another format.

    Attributes:
        config: its architecture.
        arrays: its weights, as a checkpoint names them.
        description: what else is needed to use it, as `model.json` says it: kind, version, vocabularies, reserved ids,
            limits, scales. Its values are those of JSON.
        files: those of the tokenizers (a SentencePiece model), by name.
        scale: of a forecaster, how numbers become what its network reads.
    """

    config: Config
    arrays: Weights
    description: Mapping[str, Any]
    files: Mapping[str, bytes]
    scale: Scale | None = None

    @property
    def kind(self) -> str:
        """The kind of model: "charlm", "translator" or "forecaster"."""
        return str(self.description["kind"])

    @property
    def architecture(self) -> str:
        """The architecture of a translator; the kind of any other model."""
        return self.config.architecture if isinstance(self.config, TranslatorConfig) else self.kind

    @property
    def smoothing_kernels(self) -> Array | None:
        """The matrices of a forecaster's exponential smoothing, `[columns, window, ahead]`; None if it has none."""
        if self.scale is None or self.scale.smoothing is None:
            return None
        assert isinstance(self.config, ForecastConfig)
        return mean_kernels(self.scale.smoothing, self.scale.season, self.config.window, self.config.ahead)


def page(name: str) -> str:
    """The text of a file that goes into exports, or of which one is made: a README, or an example in Python."""
    return read_bytes(_PAGES / name).decode()
