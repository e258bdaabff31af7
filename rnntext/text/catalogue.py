"""Corpora by name: texts bundled with rnntext, the help of every Python interpreter, and public texts to be fetched."""

from __future__ import annotations

import dataclasses
import difflib
import io
import os
from pathlib import Path, PurePosixPath
from typing import Any

from rnntext.errors import InputOutputError, UsageError
from rnntext.files.xdg import users_folder

DEFAULT = "valley"  # for character models
DEFAULT_PAIRS = "grammar"  # for translators


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a public text is, and how it is cut out of what is there; see corpora/catalogue.toml.

    Attributes:
        address: of a file.
        tried: whether anybody has tried this address.
        size: of the file, in bytes; None if it is not known or changes.
        sha256: of the file, in hexadecimal digits; likewise.
        member: the file in the archive that is the text; None if the file is no archive.
        begin: how the last line before the text begins; None: it begins with the file.
        end: how the first line after the text begins; None: it ends with the file.
    """

    address: str
    tried: bool
    size: int | None = None
    sha256: str | None = None
    member: str | None = None
    begin: str | None = None
    end: str | None = None


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A text with a name.

    Attributes:
        name: what the user calls it.
        about: its content and language, in a few words.
        licence: its SPDX identifier.
        path: its file, which need not be there if it has an origin; None for a text that has no file of its own.
        origin: where it is fetched; None if that is not needed.
    """

    name: str
    about: str
    licence: str
    path: Path | None
    origin: Origin | None = None

    @property
    def is_here(self) -> bool:
        """Whether it can be read."""
        return self.origin is None or (self.path is not None and os.path.isfile(self.path))

    def open(self) -> io.BufferedReader:
        """The text as bytes.

        Raises:
            InputOutputError: it must be fetched first; the message says how.
            OSError: its file cannot be read.
        """
        if self.path is None:
            return io.BufferedReader(io.BytesIO(_python_docs().encode()))
        self.check()
        return open(self.path, "rb")

    def check(self) -> None:
        """Raises InputOutputError, which says how to get it, if it is not here."""
        if not self.is_here:
            untried = "" if self.origin is None or self.origin.tried else " (nobody has tried its address yet)"
            advice = f"get it with: rnntext corpora get {self.name}{untried}"
            raise InputOutputError(f"corpus {self.name}: not on this machine yet; {advice}")


def _folder() -> Path:
    """corpora/ beside the package in a source tree, inside the package in a wheel."""
    package = Path(__file__).parents[1]
    inside = package / "corpora"
    beside = package.parent / "corpora"
    if (beside / "README.md").is_file():
        return beside
    return inside


def cache() -> Path:
    """The folder that fetched texts are kept in: RNNTEXT_CACHE, or the user's cache as the XDG rules say."""
    if ours := os.environ.get("RNNTEXT_CACHE"):
        return Path(ours)
    return users_folder("XDG_CACHE_HOME", ".cache")


def _bundled(name: str, about: str, suffix: str = "txt") -> Corpus:
    return Corpus(name, about, "CC0-1.0", _folder() / f"{name}.{suffix}")


def _python_docs() -> str:
    from pydoc_data.topics import topics

    texts = [topics[name].strip() for name in sorted(topics)]
    return "\n\n".join(texts) + "\n"


def _public() -> list[Corpus]:
    """The public texts of corpora/catalogue.toml."""
    import tomllib

    entries = tomllib.loads((_folder() / "catalogue.toml").read_text(encoding="utf-8"))["corpus"]
    public: list[Corpus] = []
    for entry in entries:
        languages = entry.pop("languages", {"": ""})
        for code, language in languages.items():
            filled = {key: _filled(value, code, language) for key, value in entry.items()}
            name, about, licence = (filled.pop(key) for key in ("name", "about", "licence"))
            origin = Origin(**filled)
            suffix = PurePosixPath(origin.member or origin.address).suffix
            path = cache() / "corpora" / name / f"{name}{suffix}"
            public.append(Corpus(name, about, licence, path, origin))
    return public


def _filled(value: Any, code: str, language: str) -> Any:
    """A value of the catalogue for one language."""
    return value.replace("{code}", code).replace("{language}", language) if isinstance(value, str) else value


def corpora() -> list[Corpus]:
    """All corpora, the default one first, those to be fetched last."""
    return [
        _bundled(DEFAULT, "fables, letters and dialogues of one river valley, written for rnntext; English"),
        Corpus("python-docs", "the interpreter's own help topics; English technical prose", "PSF-2.0", None),
        _bundled(DEFAULT_PAIRS, "sentence pairs of a small grammar, written for rnntext; English-Spanish", "tsv"),
        _bundled("grammar-heldout", "pairs whose words never met in 'grammar'; English-Spanish", "tsv"),
        *_public(),
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
    if near := nearest(name):
        raise UsageError(f"no corpus {name!r}; did you mean {near}?")
    names = ", ".join(known.name for known in corpora())
    raise UsageError(f"no corpus {name!r}; there are: {names}")


def nearest(name: str) -> str | None:
    """The name of a corpus that somebody may have meant."""
    names = [corpus.name for corpus in corpora()]
    matches = difflib.get_close_matches(name, names, 1)
    return matches[0] if matches else None


def source(name: str) -> Corpus | None:
    """The corpus that a source of a command is; None if it is a file. A file comes before a corpus of the same name.

    Raises:
        InputOutputError: it is neither, but a corpus has nearly this name.
    """
    if os.path.exists(name) and not os.path.isdir(name):
        return None
    corpus = find(name)
    if corpus is None and not os.path.exists(name) and (near := nearest(name)):
        raise InputOutputError(f"{name}: No such file, and no corpus of this name; did you mean {near}?")
    return corpus
