"""What computes a character model in service: NumPy, or ONNX Runtime with 8-bit weights."""

from __future__ import annotations

from rnntext.errors import UsageError
from rnntext.run.arrays import Weights
from rnntext.run.charlm import Charlm, Predictor
from rnntext.settings.base import check_choice
from rnntext.settings.charlm import ENGINES, CharlmConfig
from rnntext.text.vocabulary import CharVocabulary


def predictor(
    engine: str, config: CharlmConfig, vocabulary: CharVocabulary, arrays: Weights, threads: int
) -> Predictor:
    """A character model, ready to compute.

    Args:
        engine: one of `settings.charlm.ENGINES`.
        config, vocabulary, arrays: the model, as `run.charlm.Charlm` takes it.
        threads: number of threads of a matrix product.

    Raises:
        UsageError: the engine is not installed, or cannot run the model.
    """
    check_choice("engine", engine, ENGINES)
    if engine == "numpy":
        return Charlm(config, vocabulary, arrays)
    # 1. Check that ONNX Runtime can be had, and that it has such a layer.
    if config.cell != "lstm":
        raise UsageError(
            f"--engine onnxruntime runs LSTMs only; this model has --cell {config.cell}: leave the option out"
        )
    try:
        import onnx  # noqa: F401  # it makes the graph
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "--engine onnxruntime needs the packages onnx and onnxruntime, which are not installed: "
            "pip install 'rnntext[onnxruntime]'"
        ) from error
    # 2. Make the graph, and load it.
    from rnntext.export import onnx_int8
    from rnntext.run.onnxruntime import OnnxRuntime

    return OnnxRuntime(config, vocabulary, onnx_int8.graph(config, arrays).to_bytes({}), threads)
