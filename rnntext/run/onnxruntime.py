"""ONNX Runtime, a C++ engine, in place of the NumPy one: LSTM character models with 8-bit weights.

The graph is made in memory whenever a model is loaded (`export/onnx_int8.py`), so there is no converted file whose
content native code would have to trust.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnntext.run.arrays import Array, zeros
from rnntext.run.charlm import Predictor
from rnntext.settings.charlm import CharlmConfig
from rnntext.text.vocabulary import CharVocabulary

_ERRORS_ALONE = 3  # ONNX Runtime's number of the severity that it begins to speak at


class OnnxRuntimeState:
    """What a model remembers of `batch` texts.

    Attributes:
        batch: the number of texts.
        layers: h and c of each layer, `[batch, units]`, by the names of the graph's inputs.
    """

    def __init__(self, batch: int, layers: dict[str, Array]) -> None:
        self.batch = batch
        self.layers = layers


class OnnxRuntime(Predictor):
    """A trained character model, run by ONNX Runtime.

    A step rounds what it multiplies by the largest of the whole batch, so logits depend a little on the other texts,
    and on the threads that share these; those of one text alone do not.

    Args:
        config: its shape.
        vocabulary: its characters; id 0 is `[UNK]`.
        graph: content of its ONNX file.
        threads: number of threads of a matrix product.
    """

    def __init__(self, config: CharlmConfig, vocabulary: CharVocabulary, graph: bytes, threads: int = 1) -> None:
        import onnxruntime

        self.config = config
        self.vocabulary = vocabulary
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ALONE
        self._session: Any = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._states = [one.name for one in self._session.get_inputs()][1:]  # after the ids
        self._outputs = ["logits", *(f"new_{name}" for name in self._states)]

    def start(self, batch: int = 1) -> OnnxRuntimeState:
        """See Predictor."""
        return OnnxRuntimeState(batch, {name: zeros(batch, self.config.units) for name in self._states})

    def step(self, state: OnnxRuntimeState, ids: Array) -> Array:
        """See Predictor."""
        inputs = {"ids": np.asarray(ids, np.int64), **state.layers}
        logits, *after = self._session.run(self._outputs, inputs)
        state.layers = dict(zip(self._states, after, strict=True))
        return np.asarray(logits)
