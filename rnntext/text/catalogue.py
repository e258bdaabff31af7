"""Corpora by name: texts bundled with rnntext, and texts that every Python installation brings along."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable
from pathlib import Path

from rnntext.errors import InputOutputError, UsageError
from rnntext.text.lines import Report, read_text

REPLACE_ADVICE = ", or read it with --encoding-errors replace"  # for commands of training
DEFAULT = "valley"  # for character models
DEFAULT_PAIRS = "grammar"  # for translators


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A text with a name.

    Attributes:
        name: what the user calls it.
        about: its content and language, in a few words.
        licence: its SPDX identifier.
        path: its file; None for a text that has no file of its own.
        read: returns the text.
    """

    name: str
    about: str
    licence: str
    path: Path | None
    read: Callable[[], str]


def _folder() -> Path:
    """corpora/ beside the package in a source tree, inside the package in a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "corpora"
    beside = package.parent / "corpora"
    if (beside / "README.md").is_file():
        return beside
    return inside


def _bundled(name: str, about: str, suffix: str = "txt") -> Corpus:
    path = _folder() / f"{name}.{suffix}"
    return Corpus(name, about, "CC0-1.0", path, lambda: read_text(str(path)))


def _python_docs() -> str:
    from pydoc_data.topics import topics

    texts = [topics[name].strip() for name in sorted(topics)]
    return "\n\n".join(texts) + "\n"


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
    for corpus in corpora():
        if corpus.name == name:
            return corpus
    return None


def get(name: str) -> Corpus:
    """The corpus of this name.

    Raises:
        UsageError: there is none; the message names the nearest one, or all.
    """
    corpus = find(name)
    if corpus is not None:
        return corpus
    if nearest := _nearest(name):
        raise UsageError(f"no corpus {name!r}; did you mean {nearest}?")
    names = ", ".join(known.name for known in corpora())
    raise UsageError(f"no corpus {name!r}; there are: {names}")


def _nearest(name: str) -> str | None:
    """The name of a corpus that somebody may have meant."""
    names = [corpus.name for corpus in corpora()]
    matches = difflib.get_close_matches(name, names, 1)
    return matches[0] if matches else None


def read_source(source: str, errors: str = "strict", report: Report | None = None, advice: str = REPLACE_ADVICE) -> str:
    """The text of a file, of standard input, or of a corpus. A file comes before a corpus of the same name.

    Args:
        source: a path, `-` for standard input, or the name of a corpus.
        errors: "strict", or "replace" to read U+FFFD in place of invalid UTF-8.
        report: is told how many bytes become U+FFFD, if any.
        advice: as for `decoding.Decoder`.

    Raises:
        InputOutputError: the source is neither a readable file nor a corpus.
        DataError: the text is not valid UTF-8, or no text at all.
    """
    is_file = os.path.exists(source) and not os.path.isdir(source)
    if source != "-" and not is_file:
        corpus = find(source)
        if corpus is not None:
            return corpus.read()
        if nearest := _nearest(source):
            raise InputOutputError(f"{source}: No such file, and no corpus of this name; did you mean {nearest}?")
    return read_text(source, errors, advice, report)
