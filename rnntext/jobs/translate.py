"""Translation of a stream: each line read is one line written, in order, with constant memory."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rnntext.jobs.answers import Answer, Translation
from rnntext.jobs.translation import TranslationModel
from rnntext.run.attention import block_diagonal
from rnntext.settings.search import SearchConfig
from rnntext.text.glossary import Glossary
from rnntext.text.lines import Line, LineReader, Report

if TYPE_CHECKING:
    from rnntext.jobs.workers import Source

PORTION = 1536  # lines that are read ahead for each job, so that lines of similar length share a batch
TEXT = "text"  # field of a JSON object that is translated, unless another one is named
RESULT = "rnntext"  # field of a JSON object under which all results lie
_DECODER = json.JSONDecoder(parse_int=float)  # Python refuses to make an int of more than 4,300 digits.


@dataclasses.dataclass(frozen=True)
class Item:
    """A line to be translated.

    Attributes:
        line: the line as it was read.
        text: the text to translate.
        names: those of the fields, if the line is a JSON object; otherwise None.
        error: why there is nothing to translate, or None.
    """

    line: Line
    text: str
    names: Collection[str] | None = None
    error: str | None = None

    def with_result(self, result: Any) -> str:
        """The JSON object of the line with the result as its last field; all else stays as it is, byte for byte.

        A line that is no object becomes an object with the result alone.
        """
        # 1. Find a name that the object does not have. It has this one if it comes from another rnntext.
        names = self.names or ()
        name = RESULT
        while name in names:
            name += "_"
        # 2. Put the result before the closing brace.
        begin = "{"
        if self.names is not None:
            end = self.line.text.rindex("}")
            begin = self.line.text[:end]
        comma = ", " if names else ""
        return f'{begin}{comma}"{name}": {json.dumps(result, ensure_ascii=False)}}}'


def plain(line: Line) -> Item:
    """The item of a line of plain text."""
    return Item(line, line.text)


def from_json(line: Line, field: str = TEXT) -> Item:
    """The item of a line with a JSON object, one field of which is to be translated."""
    try:
        fields = _DECODER.decode(line.text)
    except (ValueError, RecursionError):
        return Item(line, "", error="not JSON")
    missing = f'no object with a text in its field "{field}"'
    if not isinstance(fields, dict):
        return Item(line, "", error=missing)
    text = fields.get(field)
    if not isinstance(text, str):
        return Item(line, "", fields.keys(), missing)
    return Item(line, text, fields.keys())


def translate_stream(
    model: TranslationModel,
    sources: Sequence[str],
    search: SearchConfig,
    field: str | None = None,
    jobs: int = 1,
    report: Report | None = None,
    glossary: Glossary | None = None,
) -> Iterator[tuple[Item, Translation]]:
    """Yields each line of files or stdin with its translation, in order, as soon as it is ready.

    Lines that are already there are read ahead, at most PORTION of them for each job; lines that come slowly are
    translated one by one, without waiting for more.

    Args:
        model: the translation model.
        sources: files, or `-` for stdin.
        search: how to search.
        field: the field that is translated of the JSON object on each line; None: the lines are plain text.
        jobs: number of portions that are translated at the same time: by the model itself if it can do so
            (CTranslate2), else in so many processes.
        report: is told if standard input seems to have another format than UTF-8; its lines are answered all the same.
        glossary: of terms whose translations it says; `model.glossary` makes it.

    Raises:
        InputOutputError: a file cannot be read.
        DataError: a file has another format than UTF-8.
    """
    make = plain if field is None else functools.partial(from_json, field=field)
    reader = LineReader(sources, PORTION * jobs, report)
    return translate_lines(model, reader, make, search, jobs, glossary)


def translate_lines(
    model: TranslationModel,
    reader: Source[Line],
    make: Callable[[Line], Item],
    search: SearchConfig,
    jobs: int,
    glossary: Glossary | None,
) -> Iterator[tuple[Item, Translation]]:
    """`translate_stream` of lines that a reader has, each of which is made an item."""
    translated = functools.partial(_translations, model, search=search, glossary=glossary)
    if jobs > model.jobs:
        yield from _in_processes(reader, make, jobs, translated)
        return
    while lines := reader.read():
        items = [make(line) for line in lines]
        yield from zip(items, translated(items), strict=True)


def _translations(
    model: TranslationModel, items: Iterable[Item], search: SearchConfig, glossary: Glossary | None
) -> Iterator[Translation]:
    """Yields the translation of each item. The text of a JSON object may have several lines; so has its translation."""
    texts = [item.text.split("\n") for item in items]
    translations = model.translations(list(itertools.chain.from_iterable(texts)), search, glossary)
    for lines in texts:
        of_lines = list(itertools.islice(translations, len(lines)))
        yield of_lines[0] if len(lines) == 1 else _joined(of_lines)


def _joined(translations: list[Translation]) -> Translation:
    """The translation of a text from those of its lines: the best answers of all its lines, then the second best, and
    so on. Its score is the mean of the scores of all parts, as that of a line."""
    parts = sum(translation.parts for translation in translations)
    answers = []
    for ranked in zip(*(translation.answers for translation in translations), strict=True):
        scores = [answer.score * line.parts for answer, line in zip(ranked, translations, strict=True) if line.parts]
        maps = [answer.attention for answer in ranked if answer.attention is not None]
        answers.append(
            Answer(
                text="\n".join(answer.text for answer in ranked),
                log_probability=sum(answer.log_probability for answer in ranked),
                score=sum(scores) / max(1, parts),
                tokens=[token for answer in ranked for token in answer.tokens],
                attention=block_diagonal(maps) if len(maps) == len(ranked) else None,
            )
        )
    source_tokens = [token for translation in translations for token in translation.source_tokens]
    return Translation(answers, source_tokens, max(translation.parts for translation in translations))


def _in_processes(
    reader: Source[Line],
    make: Callable[[Line], Item],
    jobs: int,
    translated: Callable[[Iterable[Item]], Iterator[Translation]],
) -> Iterator[tuple[Item, Translation]]:
    """`translate_stream` with worker processes."""
    from rnntext.jobs.workers import Workers  # only here, as it imports multiprocessing

    def work(lines: list[Line]) -> list[Translation]:
        return list(translated(map(make, lines)))

    workers: Workers[Line, Translation] = Workers(jobs, work, lambda line: len(line.text) + 1)
    try:
        for lines, translations in workers.run(reader):
            items = map(make, lines)  # made again here, which is cheaper than to send them between processes
            yield from zip(items, translations, strict=True)
    finally:
        workers.close()
