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
        ("b,b\n1,2\n", ["2 columns are called 'b'"]),
        ("a,b\n", ["no rows"]),
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
    ("content", "doubt"),
    [
        ("a\tb\n1,106\t1\n2,204\t2\n", "1,106 is read as 1.106; write 1106 if that is meant"),
        ("a;b\n1.106;1\n980;2\n", "1.106 is read as 1.106; write 1106 if that is meant"),
        ("a;b\n1.106;1\n2.5;2\n", ""),
        ("a;b\n0.106;1\n", ""),
        ("a,b\n1.106,1\n", ""),
    ],
)
def test_signs_that_may_mean_thousands_are_pointed_out(table, content, doubt):
    assert table(content).ambiguity("a").endswith(doubt)
    assert bool(table(content).ambiguity("a")) == bool(doubt)


def test_a_table_without_names_is_refused(table):
    with pytest.raises(DataError, match=r"line 1: 1, 2\.5: the first line must name the columns"):
        table("1,2.5\n3,4\n")
