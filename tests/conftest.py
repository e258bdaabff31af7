"""The same surroundings for every test run."""

import os
import signal
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A test run in the background may have been told to ignore signals (by the shell, by nohup), and what it starts would
# ignore them too: tests of signals begin with the usual behaviour.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The same examples each time, and as long as they take: no test may pass or fail by luck, or by the machine's speed.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


class _TensorFlowIsStarted:
    """Finds no module, and refuses TensorFlow before `rnntext.train.tensorflow.start`: without the settings that it
    makes first, the whole process would multiply otherwise than a user's, with other last bits."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "tensorflow" and "TF_ENABLE_ONEDNN_OPTS" not in os.environ:
            raise AssertionError("TensorFlow is imported before rnntext.train.tensorflow.start; import it in a test")


sys.meta_path.insert(0, _TensorFlowIsStarted())


@pytest.fixture(autouse=True)
def _same_numbers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test draws the same numbers from its module's generator, whichever tests came before it."""
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", np.random.default_rng(0))


@pytest.fixture
def eager(request: pytest.FixtureRequest) -> Iterator[None]:
    """Steps are computed operation by operation, except in a test marked `graph`: to build a graph takes seconds, and
    a tiny model has learnt enough after a few steps. What is made for a whole module is made by graphs."""
    from rnntext.train import tensorflow

    tensorflow.start(1)
    import tensorflow as tf

    tf.config.run_functions_eagerly(request.node.get_closest_marker("graph") is None)
    yield
    tf.config.run_functions_eagerly(False)
