"""What the models in service have in common."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self

from rnntext.errors import UsageError
from rnntext.settings.base import as_texts


class Served:
    """A model in service. It is pickled as the call that loaded it, not as its weights: unpickling loads it again, from
    the same folder, and gives the version that is in service then, unless a version was named.

    >>> import pickle, rnntext
    >>> model = rnntext.load("checkpoints/charlm")
    >>> pickled = pickle.dumps(model)
    >>> len(pickled) < 500, pickle.loads(pickled).generate_many("abc", count=1, length=5)
    (True, ['defgh'])
    """

    _loading: tuple[Callable[..., Any], tuple[Any, ...]] | None = None

    def loaded_by(
        self, load: Callable[..., Any], path: str | PathLike[str] | Sequence[str | PathLike[str]], *others: Any
    ) -> Self:
        """This model, which remembers the call that loaded it.

        Args:
            load: the function.
            path, others: its arguments.
        """
        paths = [Path(os.path.abspath(one)) for one in as_texts("path", path)]
        self._loading = load, (paths, *others)
        return self

    def copied(self) -> Self:
        """A model with the same attributes, of which some are going to be others, so that no call would load it."""
        model = type(self).__new__(type(self))
        vars(model).update(vars(self))
        model._loading = None
        return model

    def __copy__(self) -> Self:
        """A model with the same attributes; nothing is loaded."""
        model = self.copied()
        model._loading = self._loading
        return model

    def __deepcopy__(self, memo: object) -> Self:
        """The same, as nobody changes weights in place."""
        return copy.copy(self)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The call that loads this model.

        Raises:
            UsageError: there is none, as the model has learnt since it was loaded.
        """
        if self._loading is None:
            raise UsageError("this model is stored nowhere, so it cannot be pickled; pickle the one that was loaded")
        return self._loading
