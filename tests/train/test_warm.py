"""A run that begins with the weights of an older model: what is old stays, what is new starts anew."""

import numpy as np

from rnntext.train.warm import grow, old_ids, to_arrays, transplant

FRESH = {
    "embedding": np.arange(100, 110).reshape(5, 2),
    "kernel": np.full((2, 2), 7),
    "logits.kernel": np.arange(200, 210).reshape(2, 5),
    "logits.bias": np.arange(300, 305),
}
OLD = {
    "embedding": np.arange(8).reshape(4, 2),
    "kernel": np.eye(2),
    "logits.kernel": np.arange(8).reshape(2, 4),
    "logits.bias": np.array([-9, 1, 2, 3]),
}


def start(new: list[str], old: list[str]) -> dict[str, np.ndarray]:
    ids = old_ids(new, old, reserved=1)
    return transplant(FRESH, to_arrays(OLD, dict.fromkeys(("embedding", "logits.kernel", "logits.bias"), ids), 0))


def test_a_vocabulary_grows_at_its_end_up_to_a_limit() -> None:
    assert grow(["b", "a"], ["a", "c", "d"], None) == ["b", "a", "c", "d"]
    assert grow(["b", "a"], ["c", "a", "d"], 3) == ["b", "a", "c"]
    assert grow(["b", "a"], ["c"], 1) == ["b", "a"]


def test_old_rows_are_copied_and_new_ones_are_a_fresh_model_s() -> None:
    found = start(["a", "b", "c", "new"], ["a", "b", "c"])
    np.testing.assert_array_equal(found["embedding"], [[0, 1], [2, 3], [4, 5], [6, 7], [108, 109]])
    np.testing.assert_array_equal(found["kernel"], np.eye(2))


def test_a_new_symbol_is_as_likely_as_an_unknown_one_was() -> None:
    found = start(["a", "b", "c", "new"], ["a", "b", "c"])
    np.testing.assert_array_equal(found["logits.kernel"], [[0, 1, 2, 3, 0], [4, 5, 6, 7, 4]])
    np.testing.assert_array_equal(found["logits.bias"], [-9, 1, 2, 3, -9])


def test_rows_follow_their_symbols_into_another_order() -> None:
    found = start(["c", "new", "a", "newer"], ["a", "b", "c"])
    np.testing.assert_array_equal(found["embedding"], [[0, 1], [6, 7], [104, 105], [2, 3], [108, 109]])
    np.testing.assert_array_equal(found["logits.bias"], [-9, 3, -9, 1, -9])


def test_the_fresh_model_is_not_changed() -> None:
    before = FRESH["embedding"].copy()
    start(["a", "b", "c", "new"], ["a", "b", "c"])
    np.testing.assert_array_equal(FRESH["embedding"], before)
