"""Recurrent and Transformer models of text and time series. TensorFlow trains them; NumPy runs them.

>>> import rnntext
>>> model = rnntext.load("checkpoints/charlm")
>>> "".join(model.generate("abc", length=5, seed=1))
'defgh'

`load` returns a trained model; `train_charlm`, `train_translate` and `train_forecast` train one. The other names are
the types that these functions take and return, and the errors that they raise. A name is imported when it is first
used, so that `import rnntext` alone loads neither NumPy nor TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnntext.version import __version__

_NAMES = {
    "rnntext.errors": (
        *("BusyError", "CheckpointError", "DataError", "DivergedError", "InputOutputError", "LostPeerError"),
        *("NewerCheckpointError", "RnntextError", "StoppedError", "UsageError"),
    ),
    "rnntext.jobs.alarms": ("Alarms",),
    "rnntext.jobs.answers": ("Answer", "Translation"),
    "rnntext.jobs.characters": ("CharacterModel",),
    "rnntext.jobs.forecasting": ("Forecast", "ForecastModel"),
    "rnntext.jobs.load": ("load",),
    "rnntext.jobs.promotion": ("Outcome",),
    "rnntext.jobs.train_charlm": ("train_charlm",),
    "rnntext.jobs.train_forecast": ("train_forecast",),
    "rnntext.jobs.train_translate": ("train_translate",),
    "rnntext.jobs.translation": ("TranslationModel",),
    "rnntext.series.series": ("TableStyle",),
    "rnntext.settings.charlm": ("CharlmConfig", "CharlmTraining", "SamplingConfig"),
    "rnntext.settings.forecaster": ("ForecastConfig", "ForecastTraining"),
    "rnntext.settings.search": ("SearchConfig",),
    "rnntext.settings.training": ("JobConfig",),
    "rnntext.settings.translator": (
        *("GRUConfig", "HybridConfig", "TransformerConfig", "TranslatorConfig", "TranslatorTraining"),
    ),
    "rnntext.watch.observer": ("Observer", "Progress"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = ["__version__", *_MODULES]

if TYPE_CHECKING:  # the same names again, for type checkers and editors
    from rnntext.errors import BusyError as BusyError
    from rnntext.errors import CheckpointError as CheckpointError
    from rnntext.errors import DataError as DataError
    from rnntext.errors import DivergedError as DivergedError
    from rnntext.errors import InputOutputError as InputOutputError
    from rnntext.errors import LostPeerError as LostPeerError
    from rnntext.errors import NewerCheckpointError as NewerCheckpointError
    from rnntext.errors import RnntextError as RnntextError
    from rnntext.errors import StoppedError as StoppedError
    from rnntext.errors import UsageError as UsageError
    from rnntext.jobs.alarms import Alarms as Alarms
    from rnntext.jobs.answers import Answer as Answer
    from rnntext.jobs.answers import Translation as Translation
    from rnntext.jobs.characters import CharacterModel as CharacterModel
    from rnntext.jobs.forecasting import Forecast as Forecast
    from rnntext.jobs.forecasting import ForecastModel as ForecastModel
    from rnntext.jobs.load import load as load
    from rnntext.jobs.promotion import Outcome as Outcome
    from rnntext.jobs.train_charlm import train_charlm as train_charlm
    from rnntext.jobs.train_forecast import train_forecast as train_forecast
    from rnntext.jobs.train_translate import train_translate as train_translate
    from rnntext.jobs.translation import TranslationModel as TranslationModel
    from rnntext.series.series import TableStyle as TableStyle
    from rnntext.settings.charlm import CharlmConfig as CharlmConfig
    from rnntext.settings.charlm import CharlmTraining as CharlmTraining
    from rnntext.settings.charlm import SamplingConfig as SamplingConfig
    from rnntext.settings.forecaster import ForecastConfig as ForecastConfig
    from rnntext.settings.forecaster import ForecastTraining as ForecastTraining
    from rnntext.settings.search import SearchConfig as SearchConfig
    from rnntext.settings.training import JobConfig as JobConfig
    from rnntext.settings.translator import GRUConfig as GRUConfig
    from rnntext.settings.translator import HybridConfig as HybridConfig
    from rnntext.settings.translator import TransformerConfig as TransformerConfig
    from rnntext.settings.translator import TranslatorConfig as TranslatorConfig
    from rnntext.settings.translator import TranslatorTraining as TranslatorTraining
    from rnntext.watch.observer import Observer as Observer
    from rnntext.watch.observer import Progress as Progress


def __getattr__(name: str) -> Any:
    """The public object of this name, imported from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module 'rnntext' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_MODULES[name]), name)
