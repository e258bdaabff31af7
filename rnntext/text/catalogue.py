"""Corpora by name: texts bundled with rnntext, and texts that every Python installation brings along."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable
from pathlib import Path

from rnntext.errors import InputOutputError, UsageError
from rnntext.text.lines import read_text

DEFAULT = "valley"  # to learn characters from
DEFAULT_PAIRS = "grammar"  # to learn translating from


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A text with a name. `path` is None where the text is not a file of its own."""

    name: str
    about: str
    licence: str
    path: Path | None
    read: Callable[[], str]


def _folder() -> Path:
    """corpora/ beside the package in a source tree, inside the package in a wheel."""
    package = Path(__file__).parents[1]
    return next(
        (f for f in (package.parent / "corpora", package / "corpora") if (f / "README.md").is_file()),
        package / "corpora",
    )


def _bundled(name: str, about: str, end: str = "txt") -> Corpus:
    path = _folder() / f"{name}.{end}"
    return Corpus(name, about, "CC0-1.0", path, lambda: read_text(str(path)))


def _python_docs() -> str:
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name].strip() for name in sorted(topics)) + "\n"


def corpora() -> list[Corpus]:
    """All corpora, the default one first."""
    return [
        _bundled(DEFAULT, "fables, letters and dialogues of one river valley, written for rnntext; English"),
        Corpus(
            "python-docs", "the interpreter's own help topics; English technical prose", "PSF-2.0", None, _python_docs
        ),
        _bundled(DEFAULT_PAIRS, "sentence pairs of a small grammar, written for rnntext; English-Spanish", "tsv"),
        _bundled("grammar-heldout", "pairs whose words never met in 'grammar'; English-Spanish", "tsv"),
    ]


def find(name: str) -> Corpus | None:
    """The corpus of this name, or None."""
    return next((corpus for corpus in corpora() if corpus.name == name), None)


def get(name: str) -> Corpus:
    """The corpus of this name.

    Raises:
        UsageError: there is none; says which there are.
    """
    corpus = find(name)
    if corpus is None:
        known = [c.name for c in corpora()]
        close = difflib.get_close_matches(name, known, 1)
        raise UsageError(
            f"no corpus {name!r}; " + (f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}")
        )
    return corpus


def read_source(source: str, errors: str = "strict") -> str:
    """The text of a file, of `-`, or of a corpus name. A file of that name comes first.

    Raises:
        InputOutputError: neither a readable file nor a corpus.
    """
    is_file = os.path.exists(source) and not os.path.isdir(source)
    corpus = None if source == "-" or is_file else find(source)
    if corpus:
        return corpus.read()
    close = difflib.get_close_matches(source, [c.name for c in corpora()], 1)
    if close and not is_file:
        raise InputOutputError(f"{source}: No such file, and no corpus of this name; did you mean {close[0]}?")
    return read_text(source, errors, ", or read it with --encoding-errors replace")
