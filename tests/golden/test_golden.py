"""There is a small golden checkpoint of each kind. What they answer is tested in `soak/test_promises.py`."""

from golden.answers import HERE, NAMES


def test_there_is_a_small_golden_checkpoint_of_each_kind() -> None:
    assert {name.partition("-")[0] for name in NAMES} == {"charlm", "forecaster", "gru", "hybrid", "transformer"}
    for name in NAMES:
        assert sum(path.stat().st_size for path in (HERE / name).rglob("*") if path.is_file()) < 200_000
