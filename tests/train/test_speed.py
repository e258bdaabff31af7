from __future__ import annotations

import pytest

from rnntext.train import speed


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that multiplies 100 times a second in float32, and 900 times in bfloat16."""
    seconds = {"float32": 1 / 100, "bfloat16": 1 / 900}
    monkeypatch.setattr(speed, "_seconds_per_operation", lambda dtype: seconds[dtype.name])


@pytest.mark.parametrize(("precision", "rate"), [("float32", 50.0), ("bfloat16", 90.0)])
def test_what_is_not_a_product_takes_as_long_as_products_in_float32(rates: None, precision: str, rate: float) -> None:
    assert speed.operations_a_second(precision) == pytest.approx(rate)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_cannot_multiply_faster_than_its_slower_half(precision: str) -> None:
    assert 1e6 < speed.operations_a_second(precision) < 1e16
