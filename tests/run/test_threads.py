"""Threads of matrix products, as the BLAS library itself reports them."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from rnntext.jobs.generate import sample
from rnntext.run.threads import blas_threads
from rnntext.settings.charlm import SamplingConfig
from tests.helpers import tiny_charlm


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("count", [1, 2])
def test_inside_there_are_so_many_and_afterwards_as_many_as_before(count: int) -> None:
    with blas_threads(3 - count):
        before = threads()
        with blas_threads(count):
            assert threads() == {count}
        assert threads() == before == {3 - count}


def test_they_are_given_back_when_something_fails() -> None:
    before = threads()
    with pytest.raises(ZeroDivisionError), blas_threads(2):
        raise ZeroDivisionError
    assert threads() == before


def test_a_model_steps_with_the_threads_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_charlm("lstm", layers=1)
    seen: list[set[int]] = []
    step = model.step
    monkeypatch.setattr(model, "step", lambda *a: (seen.append(threads()), step(*a))[1])
    with blas_threads(1):
        for drawn in sample(model, [1], 3, 2, 1, SamplingConfig(), threads=2):
            assert isinstance(drawn.ids, np.ndarray)
            assert threads() == {1}  # whoever draws from us keeps his own
    assert seen == [{2}] * 3
