"""Documents whose texts are translated, and of which all else stays as it is, byte for byte."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator, Sequence

from rnntext.errors import DataError
from rnntext.text.documents.segment import Segment

FORMATS = {"srt": "subtitles", "po": "gettext_po", "html": "web", "markdown": "markdown"}  # the module of each


@dataclasses.dataclass(frozen=True)
class Document:
    """A document.

    Attributes:
        text: all of it.
        segments: the parts that are translated, in its order.
    """

    text: str
    segments: Sequence[Segment]

    @property
    def texts(self) -> list[str]:
        """What is to be translated, each a line."""
        return [text for segment in self.segments for text in segment.texts]

    def translated(self, translations: Iterator[str]) -> str:
        """The document with the translations of its texts, in their order."""
        pieces = []
        end = 0
        for segment in self.segments:
            of_segment = [next(translations) for _ in segment.texts]
            pieces += [self.text[end : segment.begin], segment.written(of_segment)]
            end = segment.end
        return "".join([*pieces, self.text[end:]])


def parsed(text: str, format: str, name: str) -> Document:
    """The document of a text.

    Args:
        format: one of FORMATS.
        name: of the text, for messages.

    Raises:
        DataError: the text has another format; the message names the line.
        UsageError: the package that reads the format is not installed.
    """
    module = importlib.import_module(f"rnntext.text.documents.{FORMATS[format]}")
    try:
        return Document(text, module.segments(text))
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
