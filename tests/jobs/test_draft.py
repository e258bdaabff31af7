"""A text that a user and a model write together."""

import pytest
from helpers import alphabet_weights, random_arrays, save_charlm

import rnntext
from rnntext.errors import DataError, UsageError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.draft import Draft
from rnntext.settings.charlm import CharlmConfig, SamplingConfig


@pytest.fixture(scope="module")
def alphabet(tmp_path_factory: pytest.TempPathFactory) -> CharacterModel:
    """Continues any letter by the rest of the alphabet."""
    return rnntext.load(save_charlm(tmp_path_factory.mktemp("alphabet"), *alphabet_weights()))


@pytest.fixture(scope="module")
def chance(tmp_path_factory: pytest.TempPathFactory) -> CharacterModel:
    """Draws one letter as easily as another."""
    config = CharlmConfig(cell="gru", layers=1, units=4, embedding=3)
    root = save_charlm(tmp_path_factory.mktemp("chance"), config, "abcdef", random_arrays(config, 7, scale=0.01))
    return rnntext.load(root)


def drawn(draft: Draft) -> str:
    return "".join(draft.draw())


def test_what_is_typed_and_what_is_drawn_make_one_text(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet, length=3)
    draft.write("ab")
    assert drawn(draft) == "cde"
    draft.write("xy")
    assert drawn(draft) == "z\na"
    draft.write("")
    assert draft.text == "abcdexyz\na"
    assert [(part.text, part.drawn) for part in draft.parts] == [
        *(("ab", False), ("cde", True), ("xy", False), ("z\na", True))
    ]


def test_a_continuation_that_is_broken_off_keeps_what_was_shown(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet, length=10)
    draft.write("ab")
    characters = draft.draw()
    assert next(characters) + next(characters) == "cd"
    characters.close()
    assert draft.text == "abcd"
    assert drawn(draft).startswith("ef")


def test_another_continuation_takes_the_place_of_the_last_one(chance: CharacterModel) -> None:
    draft = Draft(chance, length=40, seed=5, sampling=SamplingConfig(temperature=1.0))
    draft.write("ab")
    first = drawn(draft)
    second = "".join(draft.again())
    assert draft.text == "ab" + second != "ab" + first
    expected = ["".join(chance.generate("ab", length=40, seed=seed, sampling=draft.sampling)) for seed in (5, 6)]
    assert [first, second] == expected


@pytest.mark.parametrize("typed", [[], ["ab"]])
def test_where_nothing_was_drawn_nothing_is_drawn_again(alphabet: CharacterModel, typed: list[str]) -> None:
    draft = Draft(alphabet)
    for text in typed:
        draft.write(text)
    with pytest.raises(UsageError, match="no continuation"):
        draft.again()
    assert draft.text == "".join(typed)


def test_parts_are_taken_back_one_by_one(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet, length=2)
    draft.write("ab")
    drawn(draft)
    assert [draft.undo().text, draft.undo().text, draft.text] == ["cd", "ab", ""]
    with pytest.raises(UsageError, match="nothing to take back"):
        draft.undo()


def test_the_likeliest_next_characters_are_those_of_the_whole_text(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet, length=2)
    draft.write("ab")
    drawn(draft)
    before = draft.text
    likeliest = draft.likeliest(3)
    assert likeliest[0][0] == "e"
    assert len(likeliest) == 3
    assert draft.text == before


def test_what_a_model_does_not_know_is_not_added(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet)
    draft.write("ab")
    with pytest.raises(DataError, match="never seen '1'"):
        draft.write("c1")
    assert draft.text == "ab"


def test_a_stop_text_ends_a_continuation(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet, length=10, stop=("e",))
    draft.write("ab")
    assert drawn(draft) == "cd"


def test_a_continuation_without_a_character_is_no_part(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet, length=5, stop=("c",))
    draft.write("ab")
    assert drawn(draft) == ""
    draft.length = 0
    assert drawn(draft) == ""
    assert [part.text for part in draft.parts] == ["ab"]


def test_what_a_model_does_not_know_may_be_skipped(alphabet: CharacterModel) -> None:
    draft = Draft(alphabet, length=2, on_unknown="skip")
    draft.write("a1b2")
    assert drawn(draft) == "cd"
    assert draft.likeliest(1)[0][0] == "e"
    assert draft.text == "a1b2cd"
