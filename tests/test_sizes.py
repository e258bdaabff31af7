"""The rules by which sizes and their trainings are chosen."""

import pytest

from rnntext import sizes
from rnntext.settings.charlm import CharlmConfig, CharlmTraining
from rnntext.settings.translator import ARCHITECTURES, GRUConfig, TransformerConfig, TranslatorTraining
from rnntext.sizes import Budget, Row, by_passes, choose_batch, choose_size

PARAMETERS = {"tiny": 1e5, "small": 1e6, "base": 4e6, "large": 1.6e7}
ROWS = {name: Row(3.0, {"name": name}) for name in sizes.SIZES}


def chosen(budget: Budget, largest: str = "large") -> str:
    return choose_size("auto", ROWS, lambda fields: PARAMETERS[fields["name"]], budget, largest)


def test_a_token_costs_six_operations_for_each_parameter() -> None:
    assert Budget(1.0, seconds=120.0, speed=1e9).affordable_tokens(1e6) == 20_000
    assert Budget(1.0).affordable_tokens(1e6) == float("inf")


@pytest.mark.parametrize(
    ("seconds", "size"), [(1, "tiny"), (17, "tiny"), (19, "small"), (287, "small"), (289, "base"), (4609, "large")]
)
def test_the_largest_size_is_taken_that_sees_three_tokens_for_each_parameter(seconds: float, size: str) -> None:
    # 1e6 parameters need 3e6 tokens of 6e6 operations: 1.8e13, or 18 seconds at 1e12 operations a second.
    assert chosen(Budget(1e9, seconds, speed=1e12)) == size


@pytest.mark.parametrize(("tokens", "size"), [(1e3, "tiny"), (3.4e4, "small"), (1.4e5, "base"), (1e6, "large")])
def test_little_data_have_no_use_for_a_large_model(tokens: float, size: str) -> None:
    assert chosen(Budget(tokens)) == size


def test_a_size_that_is_named_is_taken() -> None:
    assert choose_size("small", ROWS, lambda fields: 1e9, Budget(1.0)) == "small"


def test_no_larger_size_is_taken_than_is_known_to_help() -> None:
    assert chosen(Budget(1e9), "base") == "base"


@pytest.mark.parametrize(("tokens", "size"), [(1e9, 64), (1.28e6, 64), (1.27e6, 32), (6.3e5, 16), (1e3, 16)])
def test_a_batch_is_smaller_where_steps_would_be_few(tokens: float, size: int) -> None:
    assert choose_batch((64, 32, 16), 10.0, tokens) == size


@pytest.mark.parametrize("table", [sizes.CHARLM_PASSES, sizes.TRANSLATOR_PASSES])
def test_dropout_grows_with_the_number_of_passes(table) -> None:
    rates = [by_passes(table, passes)["dropout"] for passes in (0.1, 1, 5, 10, 18, 40, float("inf"))]
    assert rates == sorted(rates)
    assert rates[0] < rates[-1]


def test_with_time_enough_everything_is_as_it_was_measured_at_40_and_60_minutes() -> None:
    endless = Budget(1e6)
    for default, row in (
        (CharlmConfig(), sizes.CHARLM["large"]),
        (TransformerConfig(), sizes.AUTO["large"]),
        (TransformerConfig(), sizes.TRANSFORMER[sizes.MAX_SIZE["transformer"]]),
        (GRUConfig(), sizes.GRU[sizes.MAX_SIZE["gru"]]),
    ):
        shape = {name: value for name, value in row.fields.items() if name != "vocabulary_size"}
        assert {name: getattr(default, name) for name in shape} == shape
        assert row.fields.get("vocabulary_size", 8000) == TranslatorTraining.vocabulary_size
    for training, table, sizes_of_batches, field in (
        (CharlmTraining(), sizes.CHARLM_PASSES, sizes.BATCH_SIZES, "batch_size"),
        (TranslatorTraining(), sizes.TRANSLATOR_PASSES, sizes.BATCH_TOKENS, "batch_tokens"),
    ):
        for name, value in by_passes(table, endless.affordable_tokens(1.0)).items():
            assert getattr(training, name) == value
        assert training.learning_rate == sizes.LEARNING_RATE
        assert getattr(training, field) == choose_batch(sizes_of_batches, 1.0, endless.affordable_tokens(1.0))


def test_every_architecture_has_a_row_for_every_size() -> None:
    assert sizes.TRANSLATORS.keys() == {"auto", *ARCHITECTURES}
    for name, rows in sizes.TRANSLATORS.items():
        assert tuple(rows) == sizes.SIZES
        for row in rows.values():
            assert name in ("auto", row.fields["architecture"])
            cls = ARCHITECTURES[row.fields["architecture"]]
            cls(**{n: v for n, v in row.fields.items() if n not in ("architecture", "vocabulary_size")})
    assert tuple(sizes.CHARLM) == sizes.SIZES


@pytest.mark.parametrize(
    ("limit", "pairs", "characters"),
    [
        (None, 2000, 2_000_000),
        (10.0, 200, 20_000),
        (120.0, 360, 60_000),
        (3600.0, 2000, 1_800_000),
        (9000.0, 2000, 2_000_000),
    ],
)
def test_what_is_scored_can_be_scored_within_the_time_limit(limit: float | None, pairs: int, characters: int) -> None:
    assert sizes.scored_pairs(limit) == pairs
    assert sizes.scored_characters(limit) == characters
