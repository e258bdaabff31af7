"""Translation of a document: its texts are translated, all else stays as it is, byte for byte."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rnntext.errors import DataError
from rnntext.jobs.translate import PORTION, plain, translate_lines
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.search import SearchConfig
from rnntext.text.compressed import plain as uncompressed
from rnntext.text.decoding import BYTE_ORDER_MARK, decode
from rnntext.text.documents import parsed
from rnntext.text.glossary import Glossary
from rnntext.text.lines import Line, name_of, opened

MAX_BYTES = 1 << 26  # of a document, which is in memory as a whole


def translate_document(
    model: TranslationModel,
    source: str,
    format: str,
    search: SearchConfig,
    jobs: int = 1,
    glossary: Glossary | None = None,
) -> str:
    """A document with its texts translated, and the byte order mark that it has.

    Args:
        model: the translation model.
        source: a file, or `-` for stdin.
        format: one of `text.documents.FORMATS`.
        search: how to search.
        jobs, glossary: see `translate_stream`.

    Raises:
        DataError: the document has another format, or more than MAX_BYTES; or is not UTF-8.
        InputOutputError: the file cannot be read.
        UsageError: the package that reads the format is not installed.
    """
    name = name_of(source)
    with opened(source) as file:
        data = uncompressed(file, name).read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(f"{name}: more than {MAX_BYTES >> 20} MB, too much for a document; cut it into several")
    mark = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
    text = decode(data, name)
    if mark + text.encode() != data:
        raise DataError(f"{name}: lines end with carriage returns alone; convert it: tr '\\r' '\\n'")
    document = parsed(text, format, name)
    reader = _Texts(document.texts, PORTION * jobs)
    translations = translate_lines(model, reader, plain, search, jobs, glossary)
    return mark.decode() + document.translated(translation.text for _, translation in translations)


class _Texts:
    """The texts of a document in portions, as `LineReader` has lines.

    Args:
        texts: each a line.
        max_lines: lines of a portion at the most.
    """

    def __init__(self, texts: Sequence[str], max_lines: int) -> None:
        self._texts = iter(texts)
        self._max_lines = max_lines

    def read(self) -> list[Line]:
        """The next lines; an empty list at the end."""
        return [Line(text) for text in itertools.islice(self._texts, self._max_lines)]

    def ready(self) -> bool:
        """True: all are there."""
        return True

    def fileno(self) -> int:
        """Nobody waits for what is there."""
        raise NotImplementedError
