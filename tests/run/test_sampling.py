"""How the next character is chosen: hand-made distributions, brute force, and frequencies against the softmax."""

from collections.abc import Sequence

import numpy as np
import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from rnntext.run.sampling import Sampler, keep_min_p, keep_top_k, keep_top_p, penalize_repetition
from rnntext.settings.charlm import SamplingConfig

PLAIN = SamplingConfig(temperature=1.0)


def logits_of(*rows: Sequence[float]) -> np.ndarray:
    """Logits of rows of probabilities."""
    with np.errstate(divide="ignore"):
        return np.log(np.array(rows)).astype(np.float32)


def kept(logits: np.ndarray) -> list[list[int]]:
    """Which ids can still be drawn, row by row."""
    return [np.flatnonzero(np.isfinite(row)).tolist() for row in logits]


def draws(config: SamplingConfig, probabilities: Sequence[float], number: int = 50_000, seed: int = 1) -> np.ndarray:
    """How often each id is drawn; id 0 is forbidden and comes in addition."""
    logits = logits_of([0.5, *probabilities]).repeat(number, axis=0)
    drawn = Sampler(config, np.random.default_rng(seed), forbidden=0)(logits)
    return np.bincount(drawn, minlength=len(probabilities) + 1)


# Filters --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "expected"), [(1, [2]), (2, [0, 2]), (3, [0, 2, 3]), (4, [0, 1, 2, 3]), (99, [0, 1, 2, 3])]
)
def test_top_k_keeps_the_k_likeliest(k: int, expected: list[int]) -> None:
    assert kept(keep_top_k(logits_of([0.3, 0.1, 0.4, 0.2]), k)) == [expected]


@pytest.mark.parametrize(
    ("p", "expected"), [(0.01, [2]), (0.39, [2]), (0.41, [0, 2]), (0.75, [0, 2, 3]), (1.0, [0, 1, 2, 3])]
)
def test_top_p_keeps_the_fewest_that_reach_p(p: float, expected: list[int]) -> None:
    assert kept(keep_top_p(logits_of([0.3, 0.1, 0.4, 0.2]), p)) == [expected]


@pytest.mark.parametrize(
    ("p", "expected"), [(1.0, [2]), (0.76, [2]), (0.74, [0, 2]), (0.3, [0, 2, 3]), (0.2, [0, 1, 2, 3])]
)
def test_min_p_keeps_what_is_at_least_p_times_as_likely_as_the_likeliest(p: float, expected: list[int]) -> None:
    assert kept(keep_min_p(logits_of([0.3, 0.1, 0.4, 0.2]), p)) == [expected]


@pytest.mark.parametrize(
    "keep", [lambda x: keep_top_k(x, 2), lambda x: keep_top_p(x, 0.6), lambda x: keep_min_p(x, 0.5)]
)
def test_filters_work_row_by_row_and_leave_what_they_keep_as_it_was(keep) -> None:
    logits = logits_of([0.5, 0.4, 0.1], [0.1, 0.4, 0.5])
    logits[1] -= 5.0  # says the same
    before = logits.copy()
    after = keep(logits)
    assert kept(after) == [[0, 1], [1, 2]]
    assert (after[np.isfinite(after)] == before[np.isfinite(after)]).all()


@pytest.mark.parametrize(
    "keep", [lambda x: keep_top_k(x, 3), lambda x: keep_top_p(x, 1.0), lambda x: keep_min_p(x, 1e-6)]
)
def test_filters_never_bring_back_what_is_excluded(keep) -> None:
    assert kept(keep(logits_of([0.0, 0.6, 0.0, 0.4]))) == [[1, 3]]


some_logits = st.lists(st.integers(-40, 40), min_size=1, max_size=12, unique=True).map(lambda n: np.array(n) / 4)


@examples
@given(some_logits, st.floats(0.01, 0.99))
def test_top_p_equals_brute_force(logits: np.ndarray, p: float) -> None:
    probabilities = np.exp(logits) / np.exp(logits).sum()
    expected, reached = [], 0.0
    for index in sorted(range(len(logits)), key=lambda i: -probabilities[i]):
        if abs(reached - p) < 1e-5:
            return  # too close to tell in float32
        if reached < p:
            expected.append(index)
        reached += probabilities[index]
    assert kept(keep_top_p(logits[None].astype(np.float32), p)) == [sorted(expected)]


@examples
@given(some_logits, st.integers(1, 14))
def test_top_k_equals_sorting(logits: np.ndarray, k: int) -> None:
    expected = sorted(range(len(logits)), key=lambda i: -logits[i])[:k]
    assert kept(keep_top_k(logits[None].astype(np.float32), k)) == [sorted(expected)]


# Repetition -----------------------------------------------------------------------------------------------------------


def test_repetition_is_penalised_by_dividing_positive_and_multiplying_negative_logits() -> None:
    logits = np.array([[3.0, -1.0, 2.0, -4.0], [3.0, -1.0, 2.0, -4.0]], np.float32)
    recent = np.array([[-1, 0, 1, 0], [-1, -1, -1, 3]])  # a second 0 costs no more than the first
    expected = [[1.5, -2.0, 2.0, -4.0], [3.0, -1.0, 2.0, -8.0]]
    assert penalize_repetition(logits, recent, 2.0).tolist() == expected


def test_repetition_is_forgotten_after_32_characters() -> None:
    sampler = Sampler(SamplingConfig(temperature=0, repetition_penalty=2.0), np.random.default_rng(0), forbidden=0)
    drawn = [int(sampler(np.array([[5.0, 1.0, 0.9]], np.float32))[0]) for _ in range(36)]
    # 1 wins, then 2, for 1 is halved; then both are halved and 1 wins until the only 2 is 32 characters ago
    assert drawn == [1, 2] + [1] * 32 + [2] + [1]


def test_every_text_of_a_batch_has_its_own_memory() -> None:
    sampler = Sampler(SamplingConfig(temperature=0, repetition_penalty=2.0), np.random.default_rng(0), forbidden=0)
    logits = np.array([[0, 1.0, 0.9], [0, 0.9, 1.0]], np.float32)
    assert [sampler(logits.copy()).tolist() for _ in range(3)] == [[1, 2], [2, 1], [1, 2]]


# Order ----------------------------------------------------------------------------------------------------------------


def test_temperature_comes_before_top_p() -> None:
    hot = SamplingConfig(temperature=2.0, top_p=0.8)  # 0.9 : 0.1 becomes 0.75 : 0.25
    assert draws(hot, [0.9, 0.1])[2] > 0
    assert draws(SamplingConfig(temperature=1.0, top_p=0.8), [0.9, 0.1])[2] == 0


def test_top_k_comes_before_top_p() -> None:
    both = SamplingConfig(temperature=1.0, top_k=2, top_p=0.5)  # of the two left, the first has 4/7
    assert draws(both, [0.4, 0.3, 0.2, 0.1]).tolist() == [0, 50_000, 0, 0, 0]
    assert draws(SamplingConfig(temperature=1.0, top_p=0.5), [0.4, 0.3, 0.2, 0.1])[2] > 0


def test_top_p_comes_before_min_p() -> None:
    both = SamplingConfig(temperature=1.0, top_p=0.45, min_p=0.5)  # after min-p the first alone would have 0.47
    assert np.flatnonzero(draws(both, [0.4, 0.25, 0.2, 0.1, 0.05])).tolist() == [1, 2]


def test_repetition_is_penalised_before_top_k() -> None:
    config = SamplingConfig(temperature=1.0, top_k=1, repetition_penalty=2.0)
    sampler = Sampler(config, np.random.default_rng(0), forbidden=0)
    assert [int(sampler(np.array([[9.0, 2.0, 1.5]], np.float32))[0]) for _ in range(2)] == [1, 2]


def test_what_is_forbidden_is_no_part_of_top_k_or_top_p() -> None:
    probabilities = [0.1, 0.05, 0.05]  # beside the forbidden 0.5
    assert draws(SamplingConfig(temperature=1.0, top_k=1), probabilities).tolist() == [0, 50_000, 0, 0]
    assert (draws(SamplingConfig(temperature=1.0, top_p=0.7), probabilities) > 0).tolist() == [False, True, True, False]


# Drawing --------------------------------------------------------------------------------------------------------------


def chi_square(observed: np.ndarray, probabilities: np.ndarray) -> float:
    expected = probabilities / probabilities.sum() * observed.sum()
    return float(((observed - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_ids_are_drawn_as_often_as_the_softmax_says(temperature: float) -> None:
    probabilities = np.array([0.4, 0.3, 0.2, 0.06, 0.04])
    observed = draws(SamplingConfig(temperature=temperature), probabilities.tolist())
    assert observed[0] == 0
    assert chi_square(observed[1:], probabilities ** (1 / temperature)) < 18.5  # 99.9 % at four degrees of freedom


@pytest.mark.parametrize(
    ("filters", "left"),
    [({"top_k": 2}, [0.4, 0.3]), ({"top_p": 0.65}, [0.4, 0.3]), ({"min_p": 0.4}, [0.4, 0.3, 0.2])],
)
def test_what_a_filter_keeps_is_drawn_in_proportion(filters: dict[str, float], left: list[float]) -> None:
    observed = draws(SamplingConfig(temperature=1.0, **filters), [0.4, 0.3, 0.2, 0.06, 0.04])
    assert observed.sum() == observed[1 : len(left) + 1].sum()
    assert chi_square(observed[1 : len(left) + 1], np.array(left)) < 13.8  # 99.9 % at two degrees of freedom


def test_draws_that_follow_one_another_are_independent() -> None:
    sampler = Sampler(PLAIN, np.random.default_rng(3), forbidden=0)
    first, second = (sampler(logits_of([0.2, 0.5, 0.5]).repeat(20_000, axis=0)) - 1 for _ in range(2))
    pairs = np.bincount(2 * first + second, minlength=4)
    assert chi_square(pairs, np.ones(4)) < 16.3  # 99.9 % at three degrees of freedom


def test_the_forbidden_id_is_never_drawn_however_likely() -> None:
    sampler = Sampler(PLAIN, np.random.default_rng(0), forbidden=1)
    assert set(sampler(np.array([[0.0, 80.0, 1.0]], np.float32).repeat(10_000, axis=0)).tolist()) == {0, 2}


ROWS = 142_482  # rows of four numbers, drawn with seed 2: the last row begins with a zero


def test_numpys_exponential_draws_contain_zeros() -> None:  # once in 2^23 numbers
    noise = np.random.default_rng(2).standard_exponential((ROWS, 4), dtype=np.float32)
    assert np.argwhere(noise == 0.0).tolist() == [[ROWS - 1, 0]]


@pytest.mark.parametrize(("probabilities", "forbidden"), [([0.5, 0.3, 0.15, 0.05], 0), ([0.05, 0.5, 0.15, 0.3], 1)])
def test_noise_of_zero_draws_nothing_forbidden_or_filtered(probabilities: list[float], forbidden: int) -> None:
    sampler = Sampler(SamplingConfig(temperature=1.0, top_k=2), np.random.default_rng(2), forbidden)
    assert 0 not in sampler(logits_of(probabilities).repeat(ROWS, axis=0))


def test_temperature_zero_takes_the_likeliest_and_the_first_of_equals() -> None:
    sampler = Sampler(SamplingConfig(temperature=0.0), np.random.default_rng(0), forbidden=0)
    assert sampler(np.array([[9, 1, 3, 2], [9, 5, 1, 5], [9, -3, -2, -1]], np.float32)).tolist() == [2, 1, 3]


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-40, 1e-300])
def test_a_tiny_temperature_takes_the_likeliest(temperature: float) -> None:
    sampler = Sampler(SamplingConfig(temperature=temperature, top_p=0.9), np.random.default_rng(0), forbidden=0)
    assert sampler(np.array([[9, 1, 3, 2]], np.float32)).tolist() == [2]


def test_the_same_seed_draws_the_same_and_another_seed_does_not() -> None:
    def some(seed: int) -> list[int]:
        sampler = Sampler(SamplingConfig(), np.random.default_rng(seed), forbidden=0)
        return [int(sampler(logits_of([0.2, 0.3, 0.3, 0.2]))[0]) for _ in range(50)]

    assert some(1) == some(1) != some(2)
