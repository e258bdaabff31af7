"""Tables in CSV as people have them."""

from pathlib import Path

import numpy as np
import pytest

from rnntext.errors import DataError, UsageError
from rnntext.series.table import read_table


@pytest.fixture
def table(tmp_path: Path):
    def read(content: str | bytes):
        path = tmp_path / "t.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_table(str(path))

    return read


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2.5\n3,-4e1\n",
        "a,b\r\n1,2.5\r\n3,-4e1\r\n",
        b"\xef\xbb\xbfa,b\n1,2.5\n3,-4e1\n",
        "a;b\n1;2,5\n3;-4e1\n",
        "a\tb\n1\t2.5\n3\t-4e1",
        ' a , "b"\n\n 1 ,"2.5"\n3,-4e1\n\n',
    ],
    ids=["plain", "Windows", "byte order mark", "decimal commas", "tabs", "blanks and blank lines"],
)
def test_numbers_are_read_however_the_file_was_written(table, content):
    found = table(content)
    assert found.numbers("a", "--column").tolist() == [1, 3]
    assert found.numbers("b", "--column").tolist() == [2.5, -40]


def test_missing_cells_have_many_names(table):
    found = table("a,b\n,1\nNA,1\nnan,1\nNULL,1\n-,1\n?,1\nn/a,1\n#N/A,1\n<NA>,1\n5,1\n").numbers("a", "--column")
    assert np.isnan(found).tolist() == [True] * 9 + [False]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("a,b\n1,2\n3,four\n", ["t.csv: line 3", "column 'b'", "'four' is not a number"]),
        ('a,b\n"x\ny",2\n3,four\n', ["line 4", "'four'"]),
        ('a,b\n1,"1,234"\n', ["line 2", "'1,234'", "thousands"]),
        ("a,b\n1,1_000\n", ["line 2", "'1_000'"]),
        ("a,b\n1,inf\n", ["line 2", "inf", "too large"]),
        ("a,b\n1,1e400\n", ["line 2", "1e400", "too large"]),
        ("a,b\n1,2\n3\n", ["line 3", "1 cells", "header has 2"]),
        ("a,b\n1,2,3\n", ["line 2", "3 cells"]),
        ('a,b\n1,"2\n', ["line 2", "not CSV"]),
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', ["line 3:", "opens on line 3"]),
        ('a,b\n1,"2\n3,"4"\n', ["line 2:", "opens on line 2"]),
        ('a,b\n1,2\n"3,4\n5,6"\n', ["line 3:", "1 cells", "quotation mark"]),
        ("a,b\n1,1500,00\n2,1700,00\n", ["line 2", "3 cells", "decimal commas"]),
        ("b,b\n1,2\n", ["2 columns are called 'b'"]),
        ("a,b\n", ["no rows"]),
        ('a,b,c\n1,2,"x\n3,4,y\n5,6,z"\n7,8,w\n', ["line 2: a cell holds further rows", "quotation mark"]),
        ("", ["empty"]),
        (b"a,b\n1,\xff\n", ["line 2", "byte offset 6"]),
    ],
)
def test_what_is_wrong_is_named(table, content, parts):
    with pytest.raises(DataError) as caught:
        table(content).numbers("b", "--column")
    assert [part for part in parts if part not in str(caught.value)] == []


def test_a_column_that_is_not_there_is_refused_with_the_nearest_one(table):
    with pytest.raises(UsageError, match=r"^--column 'passenger': .*t.csv .*did you mean 'Passengers'\?$"):
        table("Month,Passengers\n1,2\n").column("passenger", "--column")
    with pytest.raises(UsageError, match=r"there are: Month, Passengers$"):
        table("Month,Passengers\n1,2\n").column("zebra", "--column")


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("a;b\n1.500;1\n932,0;2\n", [1500, 932]),
        ("a;b\n1.106;1\n2.5;2\n", [1.106, 2.5]),
        ("a;b\n0.106;1\n", [0.106]),
        ("a,b\n1.106,1\n", [1.106]),
        ('a,b\n"1500,00",1\n"2,5",1\n', [1500, 2.5]),
        ('b,a\n1,"1500,00"\n2,"2,5"\n', [1500, 2.5]),
        ('a,b\n"1,234",1\n980.5,1\n', [1234, 980.5]),
        ("a\tb\n1.234.567,5\t1\n1.106\t2\n", [1234567.5, 1106]),
        ("a;b\n1,234,567;1\n1.5;2\n", [1234567, 1.5]),
        ("a;b\n1 234,5;1\n12 345;2\n−3;1\n", [1234.5, 12345, -3]),
        ("a;b\n1’234.5;1\n-;2\n", [1234.5, float("nan")]),
        ("a;b\n12,34,567;1\n–2.5;2\n", [1234567, -2.5]),
    ],
)
def test_the_decimal_sign_is_that_of_the_column(table, content, numbers):
    np.testing.assert_array_equal(table(content).numbers("a", "--column"), numbers)


@pytest.mark.parametrize("cell", ["1,106", "1.106"])
def test_signs_that_may_stand_between_thousands_are_asked_about(table, cell):
    read = table(f"a;b\n980;1\n{cell};2\n")
    with pytest.raises(DataError, match=r"line 3, column 'a': .* as 1106, .* or as 1.106") as caught:
        read.numbers("a", "--column")
    decimal, thousands = cell[1], ".,".replace(cell[1], "")
    assert f"--decimal {thousands} for the first, or --decimal {decimal} for the second" in str(caught.value)
    assert read.numbers("a", "--column", thousands).tolist() == [980, 1106]
    assert read.numbers("a", "--column", decimal).tolist() == [980, 1.106]


def test_a_number_with_the_other_sign_is_refused(table):
    with pytest.raises(DataError, match=r"line 3, column 'a': '2\.5' is not a number with the decimal sign , of"):
        table("a;b\n1,5;1\n2.5;2\n").numbers("a", "--column")


def test_further_names_of_missing_values(table):
    found = table("a,b\n-999,1\nн/д,1\n5,1\n-999.00,1\n").numbers("a", "--column", missing=["-999", "Н/Д"])
    np.testing.assert_array_equal(found, [float("nan"), float("nan"), 5, float("nan")])
    with pytest.raises(DataError, match=r"line 2, column 'a': '\*\*' is not a number; --missing TEXT names"):
        table("a,b\n**,1\n").numbers("a", "--column")


@pytest.mark.parametrize(
    ("content", "lines", "noted"),
    [
        ("sep=;\na;b\n1,5;2\n", [3], False),
        ("# by a logger\na,b\n# pause\n1,2\n", [4], False),
        ("# a,b\n1,2\n", [2], False),
        ("Station Nord\nMade in, 2024\n\na,b\n1,2\n3,4\n5,6\n", [5, 6, 7], True),
        ("a,b,,\n1,2,,\n3,4\n5,6,,\n", [2, 3, 4], False),
        ('a,b\n1,"2"\n3,"4\n"\n', [2, 3], False),
        ('"SEP=;"\na;b\n1,5;2\n', [3], False),
        ("a,b\n1,2\n# cleaned, dried, and put back\n3,4\n# end\n", [2, 4], False),
    ],
    ids=[
        *("sep=", "comments", "header in a comment", "preamble", "cells on the right", "line break in a cell"),
        *("SEP= in quotation marks", "comments with commas"),
    ],
)
def test_what_stands_beside_a_table_is_left_out(table, content, lines, noted):
    found = table(content)
    assert (found.header, found.lines, bool(found.notes)) == (["a", "b"], lines, noted)
    assert len(found.numbers("b", "--column")) == len(lines)


@pytest.mark.parametrize("preamble", ["Station,Nord\nunit,mm\n", "Made in: North, 2024\nunit: mm\n\n", "Nord;x\nb;3\n"])
def test_names_that_are_given_tell_the_header_from_what_stands_before_it(tmp_path, preamble):
    path = tmp_path / "t.csv"
    path.write_text(preamble + "a,b\n1,2\n3,4\n")
    found = read_table(str(path), ["b", "a"])
    assert (found.header, found.rows, len(found.notes)) == (["a", "b"], [["1", "2"], ["3", "4"]], 1)


def test_a_table_without_names_is_refused(table):
    for rest in ("3,4\n", "3,4\nfour,five\n6,7\n"):
        with pytest.raises(DataError, match=r"line 1: 1, 2\.5: the first line must name the columns"):
            table("1,2.5\n" + rest)


@pytest.mark.parametrize(
    "units", ["YYYY-MM-DD,degC,m3/s", ",°C,m³/s", "date,%,mm", "Datum,Grad C,"], ids=["formats", "signs", "%", "words"]
)
def test_a_row_of_units_below_the_header_is_left_out(table, units):
    found = table(f"day,a,b\n{units}\n2024-01-01,1,2\n2024-01-02,3,4\n")
    assert found.numbers("a", "--column").tolist() == [1, 3]
    assert found.lines == [3, 4]
    (note,) = found.notes
    assert "line 2 has no numbers: taken for a row of units" in note


@pytest.mark.parametrize(
    "first",
    ["2024-01-01,twelve,2", "2024-01-01,NA,NA", "1,x,y", ",,", "Jan 2024,closed,open", ",$5,<5"],
    ids=["a typo", "missing", "a number", "blanks", "a month", "amounts"],
)
def test_a_row_that_has_a_date_or_nothing_is_no_row_of_units(table, first):
    day = "Feb 2024" if "Jan" in first else "2024-01-02"
    found = table(f"day,a,b\n{first}\n{day},1,2\n{day},3,4\n")
    assert found.lines == [2, 3, 4]
    assert found.notes == []
