"""Drawing text: seeds, stop texts, batches. The model in most tests knows the alphabet and nothing else."""

import itertools

import numpy as np
import pytest
from helpers import alphabet_weights, examples, tiny_charlm
from hypothesis import example, given
from hypothesis import strategies as st

from rnntext.jobs.generate import StopFilter, fresh_seed, sample
from rnntext.run.charlm import Charlm
from rnntext.settings.charlm import SamplingConfig
from rnntext.text.vocabulary import CharVocabulary

GREEDY = SamplingConfig(temperature=0.0)


@pytest.fixture(scope="module")
def alphabet() -> Charlm:
    config, characters, arrays = alphabet_weights()
    return Charlm(config, CharVocabulary(list(characters)), arrays)


def texts(
    model: Charlm, prompt: str, length: int, count: int = 1, seed: int = 1, config: SamplingConfig = GREEDY
) -> list[str]:
    """What `count` continuations of a prompt say."""
    drawn = sample(model, model.vocabulary.encode(prompt).tolist(), length, count, seed, config)
    rows = np.array([one.ids for one in drawn]).T
    return [model.vocabulary.decode(row) for row in rows]


# Drawing --------------------------------------------------------------------------------------------------------------


def test_a_prompt_is_continued_without_itself(alphabet: Charlm) -> None:
    assert texts(alphabet, "hij", 4) == ["klmn"]
    assert texts(alphabet, "xy", 4) == ["z\nab"]


def test_without_a_prompt_a_text_begins(alphabet: Charlm) -> None:
    assert texts(alphabet, "", 5) == ["abcde"]


def test_nothing_is_drawn_if_nothing_is_asked_for(alphabet: Charlm) -> None:
    assert list(sample(alphabet, [2], 0, 3, 1, GREEDY)) == []


def test_each_draw_holds_one_id_per_continuation(alphabet: Charlm) -> None:
    assert [one.ids.tolist() for one in sample(alphabet, [2], 3, 2, 1, GREEDY)] == [[3, 3], [4, 4], [5, 5]]


def test_characters_come_one_at_a_time(alphabet: Charlm) -> None:
    endless = sample(alphabet, [2], 10**12, 1, 1, GREEDY)
    assert [int(one.ids[0]) for one in itertools.islice(endless, 3)] == [3, 4, 5]


@pytest.mark.parametrize("count", [1, 4])
def test_the_same_seed_gives_the_same_texts_and_another_seed_others(count: int) -> None:
    model, config = tiny_charlm(), SamplingConfig(temperature=1.0)
    first, second, other = (texts(model, "ab", 60, count, seed, config) for seed in (1, 1, 2))
    assert first == second
    assert not set(first) & set(other)


def test_the_texts_of_a_batch_differ() -> None:
    assert len(set(texts(tiny_charlm(), "ab", 60, count=8, config=SamplingConfig(temperature=1.0)))) == 8


def test_a_shorter_text_is_the_beginning_of_a_longer_one() -> None:
    model, config = tiny_charlm(), SamplingConfig(temperature=1.0)
    (short,), (long,) = (texts(model, "ab", length, config=config) for length in (20, 60))
    assert long.startswith(short)


def test_more_than_the_last_character_matters() -> None:
    model, config = tiny_charlm(scale=2.0), SamplingConfig(temperature=1.0)
    assert len({texts(model, prompt, 60, config=config)[0] for prompt in ("ab", "bb", "eb", "\nb")}) > 1


def test_the_unknown_character_is_never_drawn() -> None:
    model = tiny_charlm()
    model.bias[0] = 50.0
    assert "\ufffd" not in texts(model, "ab", 200, count=8, config=SamplingConfig(temperature=1.5))


def test_a_fresh_seed_is_another_one_each_time_and_can_be_typed_again() -> None:
    seeds = {fresh_seed() for _ in range(20)}
    assert len(seeds) > 15
    assert all(0 <= seed < 2**31 for seed in seeds)


# Stop texts -----------------------------------------------------------------------------------------------------------


def pushed(text: str, stops: list[str]) -> list[str]:
    """What each character of a text lets through, and what is let out at its end."""
    stop = StopFilter(stops)
    return [*(stop.push(character) for character in text), stop.rest()]


def cut(text: str, stops: list[str]) -> str:
    """A text up to the stop text that is complete first; of those complete at once, the longest."""
    for end in range(1, len(text) + 1):
        matches = [stop for stop in stops if stop and text[:end].endswith(stop)]
        if matches:
            return text[: end - max(map(len, matches))]
    return text


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("abc", [], ["a", "b", "c", ""]),
        ("abc", [""], ["a", "b", "c", ""]),
        ("abc", ["b"], ["a", "", "", ""]),
        ("abc", ["c"], ["a", "b", "", ""]),  # at the end
        ("abc", ["cd"], ["a", "b", "", "c"]),  # held back, let out at the end
        ("aXYb", ["XYZ"], ["a", "", "", "XYb", ""]),
        ("aab", ["ab"], ["", "a", "", ""]),
        ("aaab", ["aab"], ["", "", "a", "", ""]),
        ("ababc", ["abc"], ["", "", "ab", "", "", ""]),
        ("xaby", ["ab", "xab"], ["", "", "", "", ""]),  # both are complete at b: the longer one
        ("xaby", ["xabz", "b"], ["", "", "xa", "", ""]),  # the earlier one
        ("abz", ["abc", "b"], ["", "a", "", ""]),
        ("\n\nA", ["\n\n"], ["", "", "", ""]),
    ],
)
def test_characters_wait_while_a_stop_text_may_have_begun(text: str, stops: list[str], expected: list[str]) -> None:
    assert pushed(text, stops) == expected


@examples
@given(st.text("ab", max_size=30), st.text("ab", min_size=1, max_size=5))
@example("aabaab", "aabaab")
def test_with_one_stop_text_what_is_shown_ends_where_find_finds_it(text: str, stop: str) -> None:
    at = text.find(stop)
    assert "".join(pushed(text, [stop])) == (text if at < 0 else text[:at])


@examples
@given(st.text("abc", max_size=30), st.lists(st.text("abc", max_size=5), max_size=4))
def test_with_several_what_is_shown_ends_before_the_first_complete_one(text: str, stops: list[str]) -> None:
    assert "".join(pushed(text, stops)) == cut(text, stops)


@examples
@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=3))
def test_nothing_waits_longer_than_it_must(text: str, stops: list[str]) -> None:
    stop = StopFilter(stops)
    shown = ""
    for end, character in enumerate(text, start=1):
        shown += stop.push(character)
        if stop.done:
            return
        waiting = text[len(shown) : end]
        assert not waiting or any(s.startswith(waiting) for s in stops)


def test_the_filter_tells_that_it_is_done() -> None:
    stop = StopFilter(["b"])
    assert [(stop.push(character), stop.done) for character in "abb"] == [("a", False), ("", True), ("", True)]
