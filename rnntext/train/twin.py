"""What all models in Keras have in common: each is the twin of one that `run/` computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np

from rnntext.run.arrays import Array, Weights

Variables: TypeAlias = dict[str, keras.Variable]  # by their names in a checkpoint


class Twin(keras.Model):
    """A model whose weights go to `run/` and come from a checkpoint by name."""

    def named_variables(self) -> Variables:
        """Every trainable variable by the name that a checkpoint gives it, in the checkpoint's order."""
        raise NotImplementedError

    def arrays(self, values: Sequence[Array] | None = None) -> dict[str, Array]:
        """The weights by name, in the checkpoint's order.

        Args:
            values: what to take instead of the trainable variables' values, in their order.
        """
        variables = self.trainable_variables
        if values is None:
            values = [np.asarray(variable) for variable in variables]
        value_of = {}
        pairs = zip(variables, values, strict=True)
        for variable, value in pairs:
            value_of[id(variable)] = value
        arrays = {}
        for name, variable in self.named_variables().items():
            arrays[name] = value_of[id(variable)]
        return arrays

    def places(self) -> dict[str, int]:
        """The place of each weight among the trainable variables, by its name in a checkpoint."""
        place_of = {id(variable): place for place, variable in enumerate(self.trainable_variables)}
        return {name: place_of[id(variable)] for name, variable in self.named_variables().items()}

    def assign(self, arrays: Weights) -> None:
        """Takes weights, named as `arrays` names them."""
        for name, variable in self.named_variables().items():
            variable.assign(arrays[name])

    def get_config(self) -> dict[str, Any]:
        """Always raises: a model is stored by `rnntext.storage`, not by Keras.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("a model is rebuilt from rnntext's own config, see storage/checkpoint.py")
