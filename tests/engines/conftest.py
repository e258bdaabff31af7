"""Engines that exist, run on this machine. Where they are not installed, nothing here is collected; `make test-engines`
installs them."""

import itertools
import os
import string
from importlib.util import find_spec
from pathlib import Path

import pytest
from engines.cluster import Work
from helpers import save_translator, shifting_weights

missing = [name for name in ("pyspark", "ray", "distributed", "pandas", "pyarrow") if find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if missing else []

LINES = int(os.environ.get("ENGINES_LINES", "4000"))
ODD = [
    b"\xef\xbb\xbfhal\n",
    b"the cat sat\r\n",
    b"\n",
    b"\r\n",
    b"  \t \n",
    b"a\xe2\x80\xa8b\xe2\x80\xa9c\xc2\x85d\x0be\x0cf\rg\0h\x1ci\n",  # no line ends
    b"\xff\xfe caf\xe9\r\n",
    b"cut \xe2\x82\n",
    b"\xed\xa0\x80 half a surrogate\n",
    b"\xc0\xaf too long, \xf0\x9f\x98 too short\n",
    "你好 😀 Zażółć.\n".encode(),
    b"\\N \"a\" 'b' $HOME `id` \\n ||| [UNK]\n",
    b"%PDF-1.7\n",
    b"\x1f\x8b as gzip begins\n",
    b"x" * 3000 + b"\n",
]


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A model, and lines that differ from one another, with odd ones among them."""
    folder = tmp_path_factory.mktemp("work")
    model = save_translator(folder / "translator", *shifting_weights(), longest=39)
    words = ("".join(word).encode() + b"\n" for word in itertools.product(string.ascii_lowercase, repeat=4))
    lines = list(itertools.islice(words, 0, 20 * (LINES - len(ODD)), 20))
    for number, line in enumerate(ODD):
        lines.insert(number * LINES // len(ODD), line)
    return Work(folder, model, lines)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "target"
