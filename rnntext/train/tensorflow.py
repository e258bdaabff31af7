"""Brings TensorFlow up: quietly, and with an allocator that keeps what it has.

Call `start` before any other module of this floor is imported.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rnntext import system
from rnntext.errors import RnntextError, UsageError
from rnntext.system import keep_freed_memory

STDERR = 2  # the descriptor


def start(seed: int, connect: Callable[[], None] = lambda: None) -> None:
    """Imports TensorFlow and Keras and seeds Keras's initial weights.

    Args:
        seed: of the weights.
        connect: is called before anything of TensorFlow is used, as other processes must be connected first.

    Raises:
        UsageError: TensorFlow is not installed.
    """
    # 1. Set what TensorFlow reads when it is imported. oneDNN's products, which TensorFlow takes by itself only where
    # there is AVX-512, are elsewhere, too, up to three times as fast as Eigen's, at [64, 2048] by [2048, 512]
    # transposed. Two halves of a batch are computed at the same time (train/halves.py), each by half of the processors.
    processors = system.processors()
    half = max(1, processors // 2)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(half))
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user chose for other programs
    keep_freed_memory()

    # 2. Import it.
    try:
        with _chatter_held_back(), _hidden("matplotlib"):
            tensorflow = importlib.import_module("tensorflow")
            keras = importlib.import_module("keras")
            logging.getLogger("tensorflow").setLevel("ERROR")  # it warns of graphs that differ on purpose
            connect()
            tensorflow.config.list_logical_devices()  # the first use of a device has something to say, too
            # Rewriting these graphs makes no step faster, and the first one seconds slower (docs/decisions.md).
            tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    except ModuleNotFoundError as error:
        package, _, _ = (error.name or "").partition(".")
        if package not in ("tensorflow", "keras"):
            raise
        raise UsageError("this needs TensorFlow, which is not installed: pip install 'rnntext[train]'") from error
    keras.config.set_floatx("float32")  # whatever ~/.keras/keras.json says for other programs
    keras.utils.set_random_seed(seed)


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Lets a module seem not to be installed inside the block, unless it has been imported before.

    Keras imports matplotlib if it is there, for pictures that nobody asks for here: a tenth of the whole import.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _chatter_held_back() -> Iterator[None]:
    """Sends descriptor 2 into a file, and shows what is in it only if the `with` block fails.

    TensorFlow's C++ code writes before it has read the environment variable that should silence it, and past
    `sys.stderr`.
    """
    if sys.stderr is None:  # closed: nobody hears it, and descriptor 2 may be any file of ours
        yield
        return
    sys.stderr.flush()
    original = os.dup(STDERR)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), STDERR)
        try:
            yield
        except RnntextError:  # Its message says all.
            raise
        except Exception:
            os.dup2(original, STDERR)
            file.seek(0)
            os.write(STDERR, file.read())
            raise
        finally:
            os.dup2(original, STDERR)
            os.close(original)
