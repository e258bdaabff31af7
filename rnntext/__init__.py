"""rnntext: recurrent models of text. TensorFlow trains; NumPy runs.

    import rnntext
    model = rnntext.load("checkpoints/charlm")
    print("".join(model.generate("The miller ", length=200, seed=1)))

What a name needs is imported when it is first used; `import rnntext` alone loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = [
    "CharlmConfig",
    "CharlmTraining",
    "ForecastConfig",
    "ForecastTraining",
    "GRUConfig",
    "JobConfig",
    "RnntextError",
    "TransformerConfig",
    "TranslatorTraining",
    "__version__",
    "load",
    "train_charlm",
    "train_forecast",
    "train_translate",
]

_HOMES = {
    "CharlmConfig": "rnntext.config",
    "ForecastConfig": "rnntext.config",
    "ForecastTraining": "rnntext.config",
    "GRUConfig": "rnntext.config",
    "JobConfig": "rnntext.config",
    "RnntextError": "rnntext.errors",
    "TransformerConfig": "rnntext.config",
    "TranslatorTraining": "rnntext.config",
    "CharlmTraining": "rnntext.config",
    "load": "rnntext.jobs.load",
    "train_charlm": "rnntext.jobs.train_charlm",
    "train_forecast": "rnntext.jobs.train_forecast",
    "train_translate": "rnntext.jobs.train_translate",
}

if TYPE_CHECKING:
    from rnntext.config import (
        CharlmConfig,
        CharlmTraining,
        ForecastConfig,
        ForecastTraining,
        GRUConfig,
        JobConfig,
        TransformerConfig,
        TranslatorTraining,
    )
    from rnntext.errors import RnntextError
    from rnntext.jobs.load import load
    from rnntext.jobs.train_charlm import train_charlm
    from rnntext.jobs.train_forecast import train_forecast
    from rnntext.jobs.train_translate import train_translate


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rnntext' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
