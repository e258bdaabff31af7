"""Columns of tables of pairs: those that hold no sentences are refused, and the likely ones are named."""

import pytest

from rnntext.errors import DataError, UsageError
from rnntext.text.bitext import read_pairs, read_rows
from rnntext.text.columns import check, parse

ENGLISH = "I saw {} boats there."
SPANISH = "Allí vi {} barcos."


def table(*cells: str, rows: int = 300) -> list[list[str]]:
    """Rows in which {} is the number of the row."""
    return [[cell.format(number) for cell in cells] for number in range(rows)]


@pytest.mark.parametrize(
    ("cells", "column", "likely"),
    [
        (("1{}", ENGLISH, "2{}", SPANISH), 1, "2,4"),  # as Tatoeba exports it
        (("0.{}", ENGLISH, SPANISH), 1, "2,3"),
        (("https://example.org/{}", ENGLISH, SPANISH), 1, "2,3"),
        (("https://пример.org/страница/{}", "www.a.org/b{}", ENGLISH, SPANISH), 1, "3,4"),
        (("clip_{}.mp3", ENGLISH, SPANISH, "7"), 1, "2,3"),
        (("c0ffee{}", ENGLISH, SPANISH), 1, "2,3"),
        (("2020-01-01T{}Z", "me@example.org", ENGLISH, SPANISH), 1, "3,4"),
        (("eng", ENGLISH, "spa", SPANISH), 1, "2,4"),
        ((ENGLISH, "{}", SPANISH), 2, "1,3"),
        ((ENGLISH, "CC-BY 2.0", "", SPANISH), 2, "1,4"),
        (("0 1", ENGLISH, SPANISH), 1, "2,3"),
        (("{}", "今天我看见{}只船", "{}", "船を{}隻見た"), 1, "2,4"),
    ],
)
def test_a_column_without_sentences_is_refused_and_the_likely_columns_are_named(
    cells: tuple[str, ...], column: int, likely: str
) -> None:
    with pytest.raises(DataError, match=f"^t: column {column} has .*--columns {likely} seems to be right"):
        check(table(*cells), "t")


def test_an_empty_column_is_refused_where_others_are_likely() -> None:
    with pytest.raises(DataError, match=r"^t: column 1 is empty; --columns 2,3 seems to be right"):
        check(table("", ENGLISH, SPANISH), "t")
    check(table("", ENGLISH), "t")
    check([], "t")


@pytest.mark.parametrize(
    "cells",
    [
        (ENGLISH, SPANISH),
        (ENGLISH, SPANISH, "7", "{}"),
        ("word{}x y", "слово"[:4] + "{}"),
        ("今天{}船", "船{}隻"),
        ("방앗간 {}", "ไป{}"),
        ("CC-BY 2.0 {}", "R2D2 said {}"),
    ],
)
def test_columns_of_sentences_pass(cells: tuple[str, ...]) -> None:
    check(table(*cells), "t")


def test_a_few_rows_may_be_alike_or_have_no_word() -> None:
    check(table(ENGLISH, ENGLISH, rows=10), "t")
    check([*table(ENGLISH, SPANISH, rows=20), *table("{}", "{}", rows=100)], "t")
    check([["Yes.", ""], ["", "Sí."], [""]], "t")
    check([], "t")


def test_a_column_with_one_value_is_none_of_sentences() -> None:
    with pytest.raises(DataError, match=r"column 1 has the same value in 11 lines .*--columns 2,3 seems to be right"):
        check(table("eng", ENGLISH, SPANISH, rows=11), "t")


def test_where_no_other_column_would_help_the_same_value_is_no_matter_of_columns() -> None:
    check(table(ENGLISH, "Sí."), "t")
    check(table("Yes.", "Sí.", "{}"), "t")


def test_two_columns_of_the_same_are_no_pairs() -> None:
    same = table(ENGLISH, ENGLISH, SPANISH, rows=95)
    with pytest.raises(DataError, match=r"^t: column 2 is the same as column 1; --columns 1,3 seems to be right"):
        check([*same, *table(ENGLISH, SPANISH, rows=5)], "t")
    check([*same, *table(ENGLISH, SPANISH, rows=20)], "t")
    with pytest.raises(DataError, match=r"^t: column 2 is the same as column 1; name the columns"):
        check(table(ENGLISH, ENGLISH), "t")


def test_without_two_columns_of_sentences_none_are_suggested() -> None:
    with pytest.raises(DataError, match=r"column 1 has hardly any words \(the first value is '0'\); name the columns"):
        check(table("{}", ENGLISH), "t")


def test_a_table_is_read_by_its_columns(tmp_path) -> None:
    path = tmp_path / "p.tsv"
    rows = table("1{}", ENGLISH, "2{}", SPANISH)
    path.write_text("\ufeff" + "\n".join("\t".join(row) for row in rows) + "\n\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"^{path}: column 1 .*--columns 2,4"):
        read_pairs(str(path))
    pairs = [(row[1], row[3]) for row in rows]
    assert read_pairs(str(path), columns=(2, 4)).pairs == pairs
    assert read_pairs(str(path), columns=(4, 2)).pairs == [pair[::-1] for pair in pairs]
    assert read_pairs(str(path), columns=(1, 2)).pairs[0] == ("10", pairs[0][0])  # whoever names them means them
    assert list(read_rows(str(path), columns=(4, 1, 2)))[7] == [rows[7][3], "17", rows[7][1]]


def test_a_line_without_the_column_is_named(tmp_path) -> None:
    path = tmp_path / "p.tsv"
    path.write_text("a\tb\tc\n\na\tb\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"^{path}: line 3: no column 3"):
        read_pairs(str(path), columns=(1, 3))


@pytest.mark.parametrize(("text", "expected"), [("2,4", (2, 4)), (" 4, 2", (4, 2)), ("1,2,3", (1, 2, 3))])
def test_columns_are_numbers_from_one(text: str, expected: tuple[int, ...]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "2", "0,1", "2,2", "-1,2", "a,b", "1,2,", "1;2", "1,٢", "1.0,2", "9999999,1"])
def test_anything_else_is_no_pair_of_columns(text: str) -> None:
    with pytest.raises(UsageError, match=f"^--columns {text}: "):
        parse(text)
