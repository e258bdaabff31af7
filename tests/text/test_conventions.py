"""Lines in other case, or without a final mark, are read as the training text has them, and answered as they are."""

import pytest

from rnntext.text.conventions import Conventions, Reading, final_mark, first_letter
from rnntext.text.tokenizers import Words
from rnntext.text.tokens import Language

# The commonest first: "tom" is in the vocabulary, and much rarer than "Tom".
ORDER = ["the", "The", "cat", "Tom", "saw", "I", *"bcdefghjkl", "i", "tom", "USA", ".", "haus", "Haus"]
ENCODE = Language(Words(), ORDER).encode


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # All in capitals.
        ("THE CAT SAW TOM.", "The cat saw Tom."),
        ("THE CAT. THE CAT?", "The cat. The cat?"),
        ("THE USA", "The USA"),
        ("THE CAT AND I", "The cat and I"),
        ("The CAT", "The CAT"),
        ("...", "..."),
        # All in small letters.
        ("the cat saw tom.", "The cat saw Tom."),
        ("\u201cthe cat. the usa.", "\u201cThe cat. The USA."),
        ("i saw tom", "I saw Tom"),
        # Only the beginning.
        ("the cat saw Tom.", "The cat saw Tom."),
        ("iPhone saw Tom.", "iPhone saw Tom."),
        ("3 cats saw Tom.", "3 cats saw Tom."),
        ("\u732b the cat", "\u732b the cat"),
        # A headline.
        ("The Cat Saw Tom.", "The cat saw Tom."),
        ("The Cat and Tom Saw the USA", "The cat and Tom saw the USA"),
        ("The Cat and the Cat Saw the Cat", "The Cat and the Cat Saw the Cat"),  # too many small words
        ("The Cat Behind Tom Sees", "The cat behind Tom sees"),
        ("The Cat behind Tom Saw", "The Cat behind Tom Saw"),  # a headline has only short small words
        ("The Cat", "The Cat"),
    ],
)
def test_a_text_in_another_case_is_read_as_the_vocabulary_knows_its_words(written: str, read: str) -> None:
    known = Language(Words(), [*ORDER, "and", "behind", "sees"]).encode
    assert Conventions(known, capital=True, mark="").reading(written).text == read


@pytest.mark.parametrize("text", ["the cat saw tom", "i saw Tom.", "a"])
def test_small_letters_stay_where_lines_begin_with_them(text: str) -> None:
    assert Conventions(ENCODE, capital=False, mark="").reading(text) == Reading(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("The cat", "The cat."),
        ("\u732b", "\u732b."),
        ("in 1999", "in 1999."),
        ("cafe\u0301", "cafe\u0301."),
        ("The cat.", "The cat."),
        ("The cat?!", "The cat?!"),
        ("The cat:", "The cat:"),
        ("(the cat)", "(the cat)"),
        ("", ""),
    ],
)
def test_a_text_without_a_final_mark_is_read_with_one(written: str, read: str) -> None:
    assert Conventions(ENCODE, capital=False, mark=".").reading(written) == Reading(read, unmarked=written != read)
    assert Conventions(ENCODE, capital=False, mark="").reading(written) == Reading(written)


@pytest.mark.parametrize(
    ("written", "answer", "expected"),
    [
        ("The cat", "Tom.", "Tom"),
        ("The cat", "Tom\u3002", "Tom"),
        ("The cat", "Tom?", "Tom?"),  # Spanish has opened the question, too
        ("The cat", "\u00bfTom.", "\u00bfTom?"),
        ("The cat", "\u00a1Tom.", "\u00a1Tom!"),
        ("The cat", "\u00bfTom? Cat.", "\u00bfTom? Cat"),
        ("The cat", "Tom ...", "Tom ..."),
        ("The cat", "Tom", "Tom"),
        ("The cat.", "Tom.", "Tom."),
        ("THE CAT", "Tom saw.", "TOM SAW"),
        ("THE.", "Saw.", "SAW."),
        ("the.", "The cat.", "the cat."),
        ("the.", "\u00bfThe cat?", "\u00bfthe cat?"),
        ("the.", "Tom.", "Tom."),  # a name
        ("the.", "Haus.", "haus."),
        ("the.", "I saw.", "I saw."),
        ("the.", "3 cats", "3 cats"),
        ("the.", "", ""),
        ("the", "The.", "the"),
        ("the", "", ""),
    ],
)
def test_an_answer_is_written_as_the_text_was(written: str, answer: str, expected: str) -> None:
    reading = Conventions(ENCODE, capital=True, mark=".").reading(written)
    assert reading.written(answer, ENCODE) == expected


def test_what_the_model_writes_of_a_usual_text_stays() -> None:
    reading = Conventions(ENCODE, capital=True, mark=".").reading("The cat saw Tom.")
    assert reading == Reading("The cat saw Tom.")
    assert reading.written("the cat ..", ENCODE) == "the cat .."


@pytest.mark.parametrize(
    ("line", "mark"),
    [("a.", "."), ("a?!", "!"), ("\u732b\u3002\u300d", "\u3002"), ('"a."', "."), ("a", ""), ("a:", ""), ("", "")],
)
def test_the_final_mark_of_a_line(line: str, mark: str) -> None:
    assert final_mark(line) == mark


@pytest.mark.parametrize(
    ("line", "letter"),
    [("a b", "a"), ("\u00bfA b", "A"), ("\u732b a", ""), ("3 a", ""), ("-a", ""), ("", ""), ("...", "")],
)
def test_the_first_letter_of_a_line(line: str, letter: str) -> None:
    assert first_letter(line) == letter
