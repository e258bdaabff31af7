"""Threads of matrix products, as the BLAS library itself reports them."""

import os
from collections.abc import Callable

import numpy as np
import pytest
from helpers import random_arrays, tiny_charlm
from threadpoolctl import threadpool_info

from rnntext.jobs.generate import sample
from rnntext.run import threads as threads_module
from rnntext.run.charlm import Charlm
from rnntext.run.ensemble import CharlmEnsemble
from rnntext.run.threads import FIRST_WAIT, MAX_THREADS, MAX_WAIT, WATCHED, FastestThreads, blas_threads
from rnntext.settings.charlm import CharlmConfig, SamplingConfig
from rnntext.text.vocabulary import CharVocabulary


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


class Machine:
    """A stand-in for time: a step takes as long as `seconds` says of the number of threads and of the steps so far."""

    def __init__(self, seconds: Callable[[int, int], float], processors: int = 2) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.chosen: list[int] = []  # number of threads of each step
        self.fastest = FastestThreads(MAX_THREADS, processors, clock=lambda: self.now)

    def run(self, steps: int) -> list[int]:
        """Takes steps; returns the number of threads of each."""
        begin = len(self.chosen)
        for _ in range(steps):
            with self.fastest.step():
                self.now += self.seconds(self.fastest.count, len(self.chosen))
                self.chosen.append(self.fastest.count)
        return self.chosen[begin:]


def test_one_thread_begins_and_the_fastest_number_goes_on() -> None:
    machine = Machine(lambda count, _: 1e-3 / count)
    chosen = machine.run(1000)
    assert set(chosen[: round(FIRST_WAIT / 1e-3) - 1]) == {1}
    assert set(chosen[200:]) == {1, 2}  # later trials go on asking one thread
    assert chosen[200:].count(2) > 0.9 * len(chosen[200:])


@pytest.mark.parametrize("best", [1, 2, 4])
def test_of_many_processors_it_takes_what_is_fastest(best: int) -> None:
    machine = Machine(lambda count, _: 1e-3 * (1 + abs(count - best)), processors=16)
    chosen = machine.run(4000)
    assert machine.fastest.count == best
    assert max(chosen) == MAX_THREADS


def test_a_small_gain_is_not_worth_another_thread() -> None:
    machine = Machine(lambda count, _: 1e-3 if count == 1 else 0.95e-3)
    assert machine.run(3000).count(2) < 0.1 * 3000
    assert machine.fastest.count == 1


def test_where_one_processor_is_free_nothing_is_tried() -> None:
    assert set(Machine(lambda count, _: 1e-3 / count, processors=1).run(1000)) == {1}


def test_on_a_busy_machine_trials_are_broken_off_and_rare() -> None:
    """A thread that waits for a core holds up each step for as long as others are given it."""
    machine = Machine(lambda count, _: 1e-4 if count == 1 else 4e-3)
    machine.run(100_000)
    assert machine.fastest.count == 1
    assert machine.now < 100_000 * 1e-4 * 1.02  # all trials together cost less than a fiftieth


def test_threads_are_given_back_when_others_come_and_taken_again_when_they_have_gone() -> None:
    def seconds(count: int, step: int) -> float:
        busy = 2000 <= step < 10_000
        return 1e-3 / count if not busy else (2e-3 if count == 1 else 8e-3)

    machine = Machine(seconds)
    machine.run(2000)
    assert machine.fastest.count == 2
    machine.run(2 * WATCHED)
    assert machine.fastest.count == 1
    machine.run(7000)
    assert machine.fastest.count == 1
    machine.run(round(2 * MAX_WAIT / 1e-3))
    assert machine.fastest.count == 2


@pytest.mark.parametrize(
    ("cell", "units", "most"), [("rnn", 512, 8), ("lstm", 512, 8), ("gru", 512, 8), ("lstm", 328, 2), ("gru", 500, 1)]
)
def test_one_text_is_the_same_to_the_bit_with_any_number_of_threads(cell: str, units: int, most: int) -> None:
    """Also where the output layer is large: OpenBLAS would share a row of it among threads in another way."""
    config = CharlmConfig(cell=cell, layers=2, units=units, embedding=16)
    vocabulary = CharVocabulary([chr(0x4E00 + number) for number in range(1000)])
    model = Charlm(config, vocabulary, random_arrays(config, len(vocabulary), seed=1))
    assert model.max_threads == most
    found = []
    for count in (1, 2, 4, 8)[: most.bit_length()]:
        state = model.start()
        with blas_threads(count):
            found.append(np.stack([model.step(state, np.array([index])).copy() for index in (5, 900, 17)]))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_a_continuation_is_the_same_while_threads_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(threads_module, "MAX_WAIT", 0.0)  # trial after trial
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    config = CharlmConfig(layers=2, units=256, embedding=16)
    model = Charlm(config, CharVocabulary(list("abcdefgh")), random_arrays(config, 9, seed=1))
    seen: set[int] = set()
    step = model.step
    monkeypatch.setattr(model, "step", lambda *a: (seen.update(threads()), step(*a))[1])
    tried, alone = ([one.ids[0] for one in sample(model, [1], 200, 1, 1, SamplingConfig(), n)] for n in (None, 1))
    assert tried == alone
    assert seen == {1, 2, 4}


def test_an_ensemble_has_as_many_threads_as_suit_all_its_members() -> None:
    members = []
    for units in (512, 328):
        config = CharlmConfig(layers=1, units=units, embedding=16)
        members.append(Charlm(config, CharVocabulary(list("ab")), random_arrays(config, 3, seed=1)))
    assert CharlmEnsemble(members).max_threads == 2


def test_several_continuations_have_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "FIRST_WAIT", 0.0)
    model = tiny_charlm("lstm", layers=1)
    seen: set[int] = set()
    step = model.step
    monkeypatch.setattr(model, "step", lambda *a: (seen.update(threads()), step(*a))[1])
    assert len(list(sample(model, [1], 100, 2, 1, SamplingConfig(), None))) == 100
    assert seen == {1}
