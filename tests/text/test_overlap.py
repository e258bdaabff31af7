"""Sketches: what two texts have in common, from a few hashes of each."""

import random
import string

import numpy as np
import pytest

from rnntext.text import overlap
from rnntext.text.overlap import MAX_HASHES, from_bytes, merge, of_sentences, of_text, share, to_bytes


def prose(seed: int, length: int) -> str:
    return "".join(random.Random(seed).choices(string.ascii_lowercase + " \n", k=length))


LONG = prose(1, 300_000)


def test_a_text_has_seen_all_of_its_parts_and_nothing_of_another_text() -> None:
    sketch = of_text(LONG, MAX_HASHES)
    assert len(sketch) == MAX_HASHES
    assert share(of_text(LONG[1000:40_000]), sketch) == 1.0
    assert share(of_text(prose(2, 40_000)), sketch) == 0.0


@pytest.mark.parametrize("part", [0.25, 0.5, 0.9])
def test_a_part_that_was_seen_is_measured(part: float) -> None:
    cut = int(40_000 * part)
    mixed = LONG[5000 : 5000 + cut] + prose(3, 40_000 - cut)
    assert share(of_text(mixed), of_text(LONG, MAX_HASHES)) == pytest.approx(part, abs=0.08)


def test_a_short_text_is_kept_whole_and_every_stretch_of_it_is_found_wherever_it_stands() -> None:
    sketch = of_text(LONG[:500], MAX_HASHES)
    assert len(sketch) == 500 - overlap.WIDTH + 1
    assert share(of_text(LONG[77:150]), sketch) == 1.0


def test_texts_too_short_to_be_hashed_have_nothing_in_common() -> None:
    assert share(of_text("short"), of_text("short", MAX_HASHES)) == 0.0
    assert share(of_text(""), of_text("", MAX_HASHES)) == 0.0


def test_hashes_do_not_depend_on_how_a_text_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = of_text(LONG[:5000])
    monkeypatch.setattr(overlap, "CHUNK", 77)
    np.testing.assert_array_equal(of_text(LONG[:5000]), whole)
    np.testing.assert_array_equal(of_text(LONG[:5000], 100), whole[:100])


def test_sentences_are_hashed_whole() -> None:
    seen = of_sentences(["one", "two", "three"], MAX_HASHES)
    assert share(of_sentences(["two", "four", "three", "five"]), seen) == 0.5
    assert share(of_sentences(["tw"]), seen) == 0.0


def test_the_sketch_of_two_texts_together_is_made_of_theirs() -> None:
    first, second = prose(4, 100_000), prose(5, 200_000)
    np.testing.assert_array_equal(
        merge(of_text(first, MAX_HASHES), of_text(second, MAX_HASHES)),
        np.unique(np.concatenate([of_text(first), of_text(second)]))[:MAX_HASHES],
    )


def test_sketches_come_back_from_bytes() -> None:
    sketch = of_text(LONG[:1000], MAX_HASHES)
    np.testing.assert_array_equal(from_bytes(to_bytes(sketch)), sketch)
    assert len(from_bytes(b"")) == 0
    assert len(from_bytes(b"123456789")) == 1
