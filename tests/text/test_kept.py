"""Addresses, placeholders and tags survive a translation, where they belong, and plain text is not touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import examples, save_translator, shifting_weights
from hypothesis import given
from hypothesis import strategies as st

import rnntext
from rnntext import SearchConfig
from rnntext.errors import UsageError
from rnntext.text.conventions import Reading
from rnntext.text.kept import MAX_SPANS, Kept, marked, restored, taken_out
from rnntext.text.placing import ends, places
from rnntext.text.placing import put_back as put_marks_back

SPANS = [
    *("https://example.org/a?b=%20c&d=(e)", "http://x.pl", "ftp://a.b/c", "www.example.com/x_y"),
    *("tom.b+c@mail.example.net", "{name}", "{{user}}", "${HOME}", "{0}"),
    *("%s", "%d", "%1$s", "%(count)d", "%.2f", "%05lld"),
    *("<b>", "</b>", "<br/>", '<a href="x y">', "\ue123"),
]


def spans_of(line: str, keep: str | None = None) -> list[str]:
    return marked(line, keep, str.strip)[1]


def put_back(answer: str, kept: list[Kept], where: list[int]) -> str:
    return restored(put_marks_back(answer, kept, where), [span.text for span in kept])


def through(line: str, keep: str | None = None) -> str:
    """A line whose translation is itself, with what is kept put back where it was."""
    text, spans = marked(line, keep, str.strip)
    clean, kept = taken_out(text, spans)
    return put_back(clean, kept, [span.place for span in kept])


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("line", ["%", "% at the beginning", "at the end %", "a % in it.", "so %, and (%) and % %: %!"])
def test_what_nobody_translates_is_found_and_comes_back(line: str, span: str) -> None:
    whole = line.replace("%", span)
    assert "".join(spans_of(whole)).count(span) == line.count("%")
    assert through(whole) == whole


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("He said “https://x.y/z”, and left.", "“https://x.y/z”"),
        ("Siehe „https://x.y/z“.", "„https://x.y/z“"),
        ("https://a.b… or not", "https://a.b"),
        ("请看https://a.b/c。谢谢", "https://a.b/c"),
        ("访问https://a.b/查看更多", "https://a.b/"),
        ("SEE HTTP://EXAMPLE.COM/X OR WWW.X.PL", "HTTP://EXAMPLE.COM/X"),
        ("http://пример.рф/путь и", "http://пример.рф/путь"),
    ],
)
def test_an_address_ends_where_a_reader_sees_it_end(line: str, address: str) -> None:
    assert spans_of(line)[0] == address
    assert through(line) == line


def test_spans_side_by_side_stay_together() -> None:
    assert spans_of("{a}{b}%s c") == ["{a}", "{b}", "%s"]
    assert through("{a}{b}%s c, <b><i>d</i></b>") == "{a}{b}%s c, <b><i>d</i></b>"


@pytest.mark.parametrize(
    "line",
    [
        "It costs 100% of it, and 5 %, 50%d.",
        "x < y and a > b",
        "me @ home, a@b",
        "{ not a name }",
        "Dr. Who went to http: nowhere",
        "%word",
    ],
)
def test_what_only_looks_alike_is_translated(line: str) -> None:
    assert spans_of(line) == []
    assert through(line) == line


def test_marks_behind_an_address_and_what_surrounds_it() -> None:
    assert spans_of("See https://a.org/b, (www.c.de). \"{x}\" or 'tom@d.org'!") == [
        "https://a.org/b",
        "(www.c.de)",
        '"{x}"',
        "'tom@d.org'",
    ]


def test_further_text_is_kept_on_request() -> None:
    assert spans_of("The ACME-1 is {x}.", r"[A-Z]{2,}-\d+") == ["ACME-1", "{x}"]
    assert through("The ACME-1 is {x}.", r"[A-Z]{2,}-\d+") == "The ACME-1 is {x}."
    assert spans_of("abc", "x*") == []  # nothing is no span
    assert spans_of("ABC {x}", "(?i)b(c)") == ["BC", "{x}"]  # flags and groups are its own
    assert spans_of("{x}yz", r"\{x\}y") == ["{x}y"]  # the longer one
    assert spans_of("a{x}z", r"a\{") == ["a{"]  # the first one


def test_a_line_of_more_spans_than_there_are_marks_loses_nothing_else() -> None:
    line = "{x} " * (MAX_SPANS + 2) + "end"
    text, spans = marked(line, None, str.strip)
    assert len(spans) == MAX_SPANS
    clean, kept = taken_out(text, spans)
    assert clean == "{x} {x} end"
    assert len(kept) == MAX_SPANS


@examples
@given(
    pieces=st.lists(
        st.tuples(st.sampled_from(["", "a", "b c", ". ", " (d) ", "è "]), st.sampled_from(SPANS)), max_size=9
    ),
    answer=st.text("ab .é(「磨", max_size=20),
    numbers=st.lists(st.integers(0, 30), min_size=9, max_size=9),
)
def test_every_span_is_in_every_translation(pieces: list[tuple[str, str]], answer: str, numbers: list[int]) -> None:
    line = "".join(f"{text} {span} " for text, span in pieces)
    text, spans = marked(line, None, str.strip)
    _, kept = taken_out(text, spans)
    written = put_back(answer, kept, numbers[: len(kept)])
    rest = written.replace(" ", "")
    for span in kept:
        assert span.text in written
        rest = rest.replace(span.text.replace(" ", ""), "", 1)
    assert rest == answer.replace(" ", "")


def placed(source: list[str], target: list[str], attention: list[list[float]], line: str) -> str:
    """The translation of a line whose words without spans are `source`, when each target word looked at some."""
    text, spans = marked(line, None, str.strip)
    clean, kept = taken_out(text, spans)
    assert clean.split() == source
    answer = " ".join(target)
    found = places(kept, ends(" ".join, source), ends(" ".join, target), answer, np.array(attention))
    return put_back(answer, kept, found)


SWAPPED = [[0.1, 0.9], [0.8, 0.2]]  # The first target word is the translation of the second source word.


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("red {x} house", "casa roja {x}"),
        ("red house {x}", "casa {x} roja"),
        ("{x} red house", "casa {x} roja"),
        ("<b>red</b> house", "casa <b>roja</b>"),
        ("red <i>house</i>", "<i>casa</i> roja"),
        ("<b>red house</b>", "casa <b>roja</b>"),  # Both words cannot be within it, one is.
        ("red {x}house", "{x}casa roja"),
    ],
)
def test_a_span_goes_where_its_neighbour_goes(line: str, expected: str) -> None:
    assert placed(["red", "house"], ["casa", "roja"], SWAPPED, line) == expected


def test_a_mark_closes_behind_a_span_again() -> None:
    attention = [[0.9, 0.05, 0.05], [0.05, 0.05, 0.9], [0.05, 0.9, 0.05]]
    text, spans = marked("arrive at {x}?", None, str.strip)
    clean, kept = taken_out(text, spans)
    assert clean == "arrive at?"
    answer = "llega ya?"
    found = places(kept, [6, 8, 9], [5, 7, 8], answer, np.array(attention))
    assert put_back(answer, kept, found) == "llega ya {x}?"


def test_without_attention_a_span_stands_as_far_along() -> None:
    text, spans = marked("one two {x} three four", None, str.strip)
    _, kept = taken_out(text, spans)
    answer = "eins zwei drei vier"
    found = places(kept, [3, 6, 11, 15], [4, 8, 12, 16], answer, None)
    assert put_back(answer, kept, found) == "eins zwei {x} drei vier"


# Models ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> rnntext.TranslationModel:
    path: Path = tmp_path_factory.mktemp("models") / "translator"
    save_translator(path, *shifting_weights(), longest=39)
    return rnntext.load(path)


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hal", "ibm"),
        ("{name}", "{name}"),
        ("  {name} {x}", "  {name} {x}"),
        ("hal https://example.org", "ibm https://example.org"),
        ("<b>hal</b>", "<b>ibm</b>"),
        ("%s: %s", "%s: %s"),  # A model makes words of marks alone.
        ("%d/%d.", "%d/%d."),
        ("({x}), - {y}!", "({x}), - {y}!"),
    ],
)
def test_a_model_translates_what_stands_between(
    model: rnntext.TranslationModel, line: str, expected: str, beam: int
) -> None:
    (translation,) = model.translate_all([line], SearchConfig(beam=beam))
    assert translation.text == expected
    assert translation.answers[0].attention is None  # nobody has asked for it


def test_lines_of_spans_alone_do_not_count_in_the_score(model: rnntext.TranslationModel) -> None:
    alone, kept, both = model.translate_all(["hal", "{x}", "hal. {x}"])
    assert (alone.parts, kept.parts, both.parts) == (1, 0, 1)
    assert both.answers[0].score == pytest.approx(model.translate_all(["hal."])[0].answers[0].score)


def test_no_regular_expression_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"--keep '\(': no regular expression"):
        SearchConfig(keep="(")


def test_letters_that_become_two_in_capitals_move_no_span() -> None:
    text, spans = marked("DIE STRASSE {x} IST LANG.", None, str.strip)
    _, kept = taken_out(text, spans)
    answer = put_marks_back("Die Straße ist lang.", kept, [9])
    written = Reading("", capitals=True).written(answer, lambda text: [])
    assert restored(written, [span.text for span in kept]) == "DIE STRASSE {x} IST LANG."
