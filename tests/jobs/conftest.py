"""Trainings whose computation is not what is tested."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def eager(request: pytest.FixtureRequest) -> Iterator[None]:
    """Steps are computed operation by operation, except in a test marked `graph`: to build the graph of a translation
    model takes seconds, and a tiny one has learnt enough after two steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(request.node.get_closest_marker("graph") is None)
    yield
    tf.config.run_functions_eagerly(False)
