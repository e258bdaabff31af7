"""Translation of a stream: each line read is one line written, in order, with constant memory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rnntext.jobs.translation import Translation, TranslationModel
from rnntext.settings.translator import SearchConfig
from rnntext.text.lines import Line, LineReader

PORTION = 1536  # lines that are read ahead for each job, so that lines of similar length share a batch


@dataclasses.dataclass(frozen=True)
class Item:
    """A line to be translated.

    Attributes:
        line: the line as it was read.
        text: the text to translate.
        fields: the fields of a JSON object, which are passed through; None for plain text.
        error: why there is nothing to translate, or None.
    """

    line: Line
    text: str
    fields: dict[str, Any] | None = None
    error: str | None = None


def plain(line: Line) -> Item:
    """The item of a line of plain text."""
    return Item(line, line.text)


def from_json(line: Line) -> Item:
    """The item of a line with a JSON object, whose field "text" is to be translated."""
    try:
        fields = json.loads(line.text)
    except (ValueError, RecursionError):
        return Item(line, "", {}, "not JSON")
    if not isinstance(fields, dict):
        return Item(line, "", {}, 'no object with a "text"')
    text = fields.get("text")
    if not isinstance(text, str):
        return Item(line, "", fields, 'no object with a "text"')
    return Item(line, text, fields)


def translate_stream(
    model: TranslationModel, sources: Sequence[str], search: SearchConfig, jsonl: bool = False, jobs: int = 1
) -> Iterator[tuple[Item, Translation]]:
    """Yields each line of files or stdin with its translation, in order, as soon as it is ready.

    Lines that are already there are read ahead, at most PORTION of them for each job; lines that come slowly are
    translated one by one, without waiting for more.

    Args:
        model: the translation model.
        sources: files, or `-` for stdin.
        search: how to search.
        jsonl: whether each line is a JSON object.
        jobs: number of portions that are translated at the same time: by the model itself if it can do so
            (CTranslate2), else in so many processes.

    Raises:
        InputOutputError: a file cannot be read.
    """
    make = from_json if jsonl else plain
    reader = LineReader(sources, PORTION * jobs)
    if jobs > model.jobs:
        yield from _in_processes(model, reader, search, make, jobs)
        return
    while lines := reader.read():
        items = [make(line) for line in lines]
        texts = [item.text for item in items]
        yield from zip(items, model.translations(texts, search), strict=True)


def _in_processes(
    model: TranslationModel, reader: LineReader, search: SearchConfig, make: Callable[[Line], Item], jobs: int
) -> Iterator[tuple[Item, Translation]]:
    """`translate_stream` with worker processes."""
    from rnntext.jobs.workers import Workers  # only here, as it imports multiprocessing

    def work(lines: list[Line]) -> list[Translation]:
        texts = [make(line).text for line in lines]
        return model.translate_all(texts, search)

    workers: Workers[Line, Translation] = Workers(jobs, work, lambda line: len(line.text) + 1)
    try:
        for lines, translations in workers.run(reader):
            items = map(make, lines)  # made again here, which is cheaper than to send them between processes
            yield from zip(items, translations, strict=True)
    finally:
        workers.close()
