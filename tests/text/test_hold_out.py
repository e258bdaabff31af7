"""Lines that are held out by a hash."""

from __future__ import annotations

import random

from rnntext.text.hold_out import hold_out_lines, is_sorted

NAMES = [f"{first}{last}" for first in ("Ala", "Bor", "Żel", "Мил", "Zo") for last in map(str, range(100))]
EVERYTHING = 10**9


def lines(text: str) -> list[str]:
    assert not text or text.endswith("\n")
    return text.split("\n")[:-1]


def test_every_line_is_on_one_side_and_the_share_is_about_right() -> None:
    training, held_out = map(lines, hold_out_lines("\n".join(NAMES), 0.2, EVERYTHING))
    assert sorted(training + held_out) == sorted(NAMES)
    assert 60 < len(held_out) < 140
    assert {name[:2] for name in held_out} == {name[:2] for name in NAMES}  # from all over the list


def test_order_copies_and_new_lines_change_nothing_about_a_line() -> None:
    first = set(lines(hold_out_lines("\n".join(NAMES) + "\n", 0.2, EVERYTHING)[1]))
    others = [*NAMES, *NAMES[:50], *(f"New{number}" for number in range(500))]
    random.Random(3).shuffle(others)
    training, held_out = map(lines, hold_out_lines("\n".join(others), 0.2, EVERYTHING))
    assert first <= set(held_out)
    assert not set(training) & set(held_out)


def test_both_sides_are_shuffled_and_always_alike() -> None:
    sides = hold_out_lines("\n".join(sorted(NAMES)), 0.3, EVERYTHING)
    assert sides == hold_out_lines("\n".join(sorted(NAMES)), 0.3, EVERYTHING)
    assert not any(map(is_sorted, sides))


def test_blank_lines_are_no_entries_of_a_list() -> None:
    text = "\n\n \n".join(NAMES)
    assert hold_out_lines(text, 0.3, EVERYTHING) == hold_out_lines("\n".join(NAMES), 0.3, EVERYTHING)


def test_what_is_held_out_and_not_scored_is_learnt_by_nobody() -> None:
    text = "\n".join(NAMES)
    training, held_out = hold_out_lines(text, 0.5, EVERYTHING)
    same, scored = hold_out_lines(text, 0.5, len(text) // 10)
    assert same == training
    assert set(lines(scored)) < set(lines(held_out))
    assert 0 < len(scored) < len(text) // 5


def test_a_sorted_list_is_told_from_prose() -> None:
    assert is_sorted("\n".join(sorted(NAMES)) + "\n")
    assert is_sorted("\n".join([*sorted(NAMES, key=str.casefold), "aa"]))  # one that is out of place
    shuffled = list(NAMES)
    random.Random(3).shuffle(shuffled)
    assert not is_sorted("\n".join(shuffled))
    assert not is_sorted("the same line\n" * 500)
    assert not is_sorted("a\nb\nc\n")
    assert not is_sorted("")
