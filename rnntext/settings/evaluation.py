"""The settings of an evaluation of translations."""

from __future__ import annotations

import dataclasses

from rnntext.settings.base import inherited
from rnntext.settings.translator import SearchConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class BestOnly(SearchConfig):
    """A search of which only the best translation is compared, so that `evaluate` has no --n-best."""

    n_best: int = inherited(SearchConfig, "n_best", hidden=True)
