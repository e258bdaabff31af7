"""Pairs of sentences: two ways to store them, one way to read them, and a lasting choice of those held out."""

import io
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from helpers import examples
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from rnntext.errors import DataError, InputOutputError
from rnntext.text import bitext
from rnntext.text.bitext import hold_out, read_aligned, read_pairs
from rnntext.text.stored_pairs import Pair


@pytest.fixture
def put(tmp_path: Path):
    """Makes a file of bytes; returns its path."""

    def make(name: str, content: bytes | str) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return make


# Pairs in one file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\tb\nc\td\n", [("a", "b"), ("c", "d")]),
        ("a\tb", [("a", "b")]),
        ("Hi.\tHallo.\tCC-BY 2.0 (France) #1\t9\nYes\tJa\n", [("Hi.", "Hallo."), ("Yes", "Ja")]),  # as Tatoeba has it
        ("a\tb\r\nc\td\r\n", [("a", "b"), ("c", "d")]),
        ("a\tb\tc\r\n", [("a", "b")]),
        ("\ufeffa\tb\n\ufeffc\td\n", [("a", "b"), ("\ufeffc", "d")]),
        ("a\tb\n\n \r\nc\td\n\n", [("a", "b"), ("c", "d")]),  # blank lines are no pairs
        ("  a  b \t c\u00a0d \n", [("a b", "c\u00a0d")]),
        ("a\u2028b\tc\x85d\n", [("a\u2028b", "c\x85d")]),  # only \n ends a line
        ("cafe\u0301\tA\n", [("café", "A")]),
    ],
)
def test_lines_of_source_tab_target_become_pairs(put, content: str, expected: list[Pair]) -> None:
    found = read_pairs(put("p.tsv", content))
    assert (found.pairs, found.empty) == (expected, 0)


def test_pairs_can_be_turned_round_and_made_small(put) -> None:
    path = put("p.tsv", "Ab\tÉÀ\tX\nC\tD\n")
    assert read_pairs(path, reverse=True).pairs == [("ÉÀ", "Ab"), ("D", "C")]
    assert read_pairs(path, lowercase=True).pairs == [("ab", "éà"), ("c", "d")]
    assert read_pairs(path, reverse=True, lowercase=True).pairs == [("éà", "ab"), ("d", "c")]


def test_pairs_with_an_empty_side_are_left_out_and_counted(put) -> None:
    found = read_pairs(put("p.tsv", "a\tb\n\tb\na\t\n \t \nc\td\ne\t\tf\n"))
    assert found.pairs == [("a", "b"), ("c", "d")]
    assert found.empty == 3  # blank on both sides is no pair


@pytest.mark.parametrize(
    ("content", "line"), [("a b\n", 1), ("a\tb\n\nc d\ne\tf\n", 3), ("a\tb\r\nlast", 2), ("a\tb\n\u2028c\n", 2)]
)
def test_a_line_without_a_tab_is_named_with_its_file_and_number(put, content: str, line: int) -> None:
    path = put("p.tsv", content)
    with pytest.raises(DataError, match=f"^{path}: line {line}: no TAB"):
        read_pairs(path)


@pytest.mark.parametrize("content", ["", "\n\n", " \n", "\t\n", "a\t\n\tb\n"])
def test_a_file_without_any_pair_is_refused_by_name(put, content: str) -> None:
    path = put("p.tsv", content)
    with pytest.raises(DataError, match=f"^{path}: no pair of sentences"):
        read_pairs(path)


def test_invalid_utf_8_is_named_or_replaced(put) -> None:
    path = put("p.tsv", b"a\tb\nc\xff\td\n")
    with pytest.raises(DataError, match=f"^{path}: line 2, byte offset 5: invalid UTF-8"):
        read_pairs(path)
    assert read_pairs(path, errors="replace").pairs == [("a", "b"), ("c\ufffd", "d")]


def test_pairs_come_from_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\tb\nc\n")))
    with pytest.raises(DataError, match=r"^<stdin>: line 2: no TAB"):
        read_pairs("-")


# Two files ------------------------------------------------------------------------------------------------------------


def test_line_n_of_one_file_translates_line_n_of_the_other(put) -> None:
    left, right = put("a.en", b"\xef\xbb\xbfOne\r\n\nTwo\tx\nThree"), put("a.de", "Eins\nleer\n Zwei \nDrei\n")
    found = read_aligned(left, right)
    assert found.pairs == [("One", "Eins"), ("Two x", "Zwei"), ("Three", "Drei")]
    assert found.empty == 1
    assert read_aligned(left, right, reverse=True, lowercase=True).pairs[0] == ("eins", "one")


@pytest.mark.parametrize(
    ("left", "right", "counts"),
    [
        ("a\nb\n", "c\n", ("2 lines", 1)),
        ("a\n", "b\nc", ("1 line", 2)),
        ("", "a\nb\nc\n", ("0 lines", 3)),
        ("a\n\n", "b\n", ("2 lines", 1)),
    ],
)
def test_unequal_numbers_of_lines_are_refused_with_both_names_and_counts(put, left: str, right: str, counts) -> None:
    paths = put("a.en", left), put("a.de", right)
    with pytest.raises(DataError, match=f"^{paths[0]} has {counts[0]} and {paths[1]} {counts[1]}: "):
        read_aligned(*paths)


def test_two_files_without_any_pair_are_refused_by_both_names(put) -> None:
    paths = put("a.en", "a\n\n"), put("a.de", "\nb\n")
    with pytest.raises(DataError, match=f"^{paths[0]}, {paths[1]}: no pair"):
        read_aligned(*paths)


def test_a_missing_file_is_named(put, tmp_path: Path) -> None:
    with pytest.raises(InputOutputError, match=r"missing\.de: No such file"):
        read_aligned(put("a.en", "a\n"), str(tmp_path / "missing.de"))


# Holding out ----------------------------------------------------------------------------------------------------------


def corpus(count: int) -> list[Pair]:
    """Every third source sentence occurs three times, with other translations."""
    return [(f"sentence {n - n % 3 if n % 9 < 3 else n}", f"Satz {n}") for n in range(count)]


def parts(pairs: list[Pair], *given: float, **named: int) -> list[list[Pair]]:
    return [[pairs[index] for index in indices] for indices in hold_out(pairs, *given, **named)]


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5])
def test_about_a_fraction_is_held_out_and_nothing_is_lost(fraction: float) -> None:
    pairs = corpus(3000)
    training, held_out = parts(pairs, fraction)
    assert Counter(training) + Counter(held_out) == Counter(pairs)
    assert len(held_out) / len(pairs) == pytest.approx(fraction, abs=0.03)
    assert [pair for pair in pairs if pair in set(training)] == training  # the order stays


def test_equal_source_sentences_stay_together() -> None:
    training, held_out = parts(corpus(3000), 0.3)
    sources = {source for source, _ in training}, {source for source, _ in held_out}
    assert sources[0] & sources[1] == set()
    assert min(Counter(s for s, _ in part).most_common(1)[0][1] for part in (training, held_out)) == 3


def test_what_is_held_out_is_held_out_still_when_the_corpus_has_grown_or_is_shuffled() -> None:
    small, large = corpus(1000), [*corpus(1000), *((f"more {n}", "mehr") for n in range(2000))]
    first, second = set(parts(small, 0.1)[1]), set(parts(large[::-1], 0.1)[1])
    assert first
    assert first == second & set(small)


def test_what_was_learnt_from_is_never_held_out_later_however_large_the_corpus_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bitext, "MAX_HELD_OUT", 50)
    small, large = corpus(400), corpus(4000)
    assert set(parts(small, 0.5)[0]) & set(parts(large, 0.5)[1]) == set()


def test_no_more_is_held_out_than_a_test_set_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitext, "MAX_HELD_OUT", 50)
    assert 25 < len(parts(corpus(5000), 0.5)[1]) < 90


@pytest.mark.parametrize(("fraction", "held_out"), [(0.0, 0), (1.0, 300)])
def test_all_or_nothing_can_be_held_out(fraction: float, held_out: int) -> None:
    assert len(parts(corpus(300), fraction)[1]) == held_out


@examples
@given(st.lists(st.tuples(st.text(st.characters()), st.text()), min_size=1), st.floats(0, 1))
def test_any_sentences_can_be_held_out(pairs: list[Pair], fraction: float) -> None:
    training, held_out = parts(pairs, fraction)
    assert Counter(training) + Counter(held_out) == Counter(pairs)


def test_fewer_may_be_scored_than_are_held_out_and_nobody_learns_from_the_rest() -> None:
    pairs = corpus(3000)
    training, held_out = parts(pairs, 0.3)
    less, scored = parts(pairs, 0.3, scored=100)
    assert less == training
    assert 50 < len(scored) < 200
    assert set(scored) < set(held_out)


# Translation memories -------------------------------------------------------------------------------------------------

TMX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header/><body>
<tu><tuv xml:lang="en"><seg>One
house.</seg></tuv><tuv xml:lang="de"><seg>Ein Haus.</seg></tuv></tu>
</body></tmx>
"""
XLIFF_1 = """<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2" version="1.2"><file><body>
<trans-unit id="1"><source>One house.</source><target>Ein Haus.</target></trans-unit></body></file></xliff>
"""
XLIFF_2 = """\ufeff<?xml version="1.0"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0"><file id="f"><unit id="1">
<segment><source>One house.</source><target>Ein Haus.</target></segment></unit></file></xliff>
"""


@pytest.mark.parametrize(("content", "title"), [(TMX, "TMX"), (XLIFF_1, "XLIFF"), (XLIFF_2, "XLIFF")])
def test_a_translation_memory_is_named_with_a_command_that_finds_its_pairs(put, content: str, title: str) -> None:
    path = put("a memory", content)
    with pytest.raises(DataError) as refusal:
        read_pairs(path)
    message = str(refusal.value)
    with pytest.raises(DataError, match=re.escape(message)):
        bitext.check_file(path)
    assert message.startswith(f"{path}: {title}, not lines of source TAB target; read it so: xmlstarlet sel -T -t -m ")
    assert message.endswith(f" -n '{path}' | rnntext ... -")
    # libxml2, which xmlstarlet runs, finds the pair.
    pair, source, target = re.findall(r"-[mv] '(.*?)'(?= )", message)
    root = etree.fromstring(content.removeprefix("\ufeff").encode())
    names = {"_": etree.QName(root).namespace} if etree.QName(root).namespace else None
    (unit,) = root.xpath(pair.replace("_:", "") if names is None else pair, namespaces=names)
    assert [unit.xpath(side, namespaces=names) for side in (source, target)] == ["One house.", "Ein Haus."]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('{"en": "A cat", "es": "Un gato"}', "jq -r '[.SOURCE, .TARGET] | @tsv'"),
        ("A cat ||| Un gato", "sed 's/ ||| /\\t/g'"),
        ('"A cat","Un gato"', "write each pair as source TAB target, or give two aligned files"),
    ],
)
def test_a_line_without_a_tab_comes_with_advice(put, line: str, advice: str) -> None:
    path = put("a", f"A dog\tUn perro\n{line}\n")
    with pytest.raises(DataError, match=f"line 2: no TAB between source and target; .*{re.escape(advice)}"):
        read_pairs(path)


def test_pairs_that_speak_of_markup_are_pairs(put) -> None:
    assert read_pairs(put("a.tsv", "a <tmx> tag\tein <tmx>-Tag\n")).pairs == [("a <tmx> tag", "ein <tmx>-Tag")]
    assert read_pairs(put("b.tsv", "<b>so</b> fat\t<b>so</b> fett\n")).pairs == [("<b>so</b> fat", "<b>so</b> fett")]
