"""A stream of lines: each has its answer, in order, at once, whatever the line is and however many work on it."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from cli.shell import PATIENCE
from helpers import examples, parts_of, save_translator, shifted, shifting_weights
from hypothesis import given
from hypothesis import strategies as st

from rnntext.errors import InputOutputError
from rnntext.jobs import translate
from rnntext.jobs.answers import Translation
from rnntext.jobs.load import load_translation
from rnntext.jobs.translate import Item, from_json, plain, translate_stream
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.search import SearchConfig
from rnntext.text.lines import Line

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # OpenBLAS has threads (Python >= 3.12)
every_number_of_jobs = pytest.mark.parametrize("jobs", [1, 2])
QUICK = SearchConfig(beam=1)
NASTY = b"hal\r\n\n \t\nthe\xe2\x80\xa8cat\na\x0bb\x0cc\rd\x85\0\n\xff\xfe\nzzz\n" + b"abc " * 50 + b"\nlast"


@pytest.fixture(scope="module")
def hal(tmp_path_factory: pytest.TempPathFactory) -> TranslationModel:
    """Answers "ibm" to "hal"; knows sentences of thirty letters."""
    return load_translation(save_translator(tmp_path_factory.mktemp("hal"), *shifting_weights(), longest=30))


def answers(
    model: TranslationModel, sources: list[str], jobs: int = 1, search: SearchConfig = QUICK, field: str | None = None
) -> list[tuple[Item, Translation]]:
    return list(translate_stream(model, sources, search, field, jobs))


def scores(found: Translation) -> list[tuple[str, float, float]]:
    return [(answer.text, answer.score, answer.log_probability) for answer in found.answers]


def files(folder: Path, *contents: bytes) -> list[str]:
    paths = [folder / f"{index}.txt" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


def expected(model: TranslationModel, lines: list[str]) -> list[str]:
    return [" ".join(map(shifted, parts_of(model, line))) for line in lines]


# Lines ----------------------------------------------------------------------------------------------------------------


@every_number_of_jobs
def test_a_line_in_is_a_line_out(hal: TranslationModel, tmp_path: Path, jobs: int) -> None:
    found = answers(hal, files(tmp_path, NASTY), jobs)
    lines = [line.removesuffix(b"\r").decode("utf-8", "replace") for line in NASTY.split(b"\n")]
    assert len(found) == len(lines) == 9
    assert [item.text for item, _ in found] == lines
    assert [t.text for _, t in found] == expected(hal, lines)
    assert [t.parts for _, t in found] == [1, 0, 0, 1, 1, 0, 1, 8, 1]
    assert [item.line.crlf for item, _ in found] == [True, *[False] * 8]
    assert [item.line.valid for item, _ in found] == [True, True, True, True, False, False, True, True, True]
    assert {(item.names, item.error) for item, _ in found} == {(None, None)}


@every_number_of_jobs
def test_several_files_are_one_stream(hal: TranslationModel, tmp_path: Path, jobs: int) -> None:
    paths = files(tmp_path, b"a\nb", b"", b"\n", b"c\n")
    assert [t.text for _, t in answers(hal, paths, jobs)] == ["b", "c", "", "d"]


@every_number_of_jobs
def test_nothing_in_is_nothing_out(hal: TranslationModel, tmp_path: Path, jobs: int) -> None:
    assert answers(hal, files(tmp_path, b""), jobs) == []


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize("portion", [1, 4, 1000])
def test_order_and_answers_do_not_depend_on_portions_and_jobs(
    hal: TranslationModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portion: int, jobs: int
) -> None:
    monkeypatch.setattr(translate, "PORTION", portion)
    lines = ["abcdefgh"[: n % 9] * (n % 4) for n in range(30)]
    paths = files(tmp_path, "\n".join(lines).encode())
    for batch_tokens in (1, 100):
        found = answers(hal, paths, jobs, search=SearchConfig(beam=2, n_best=2, batch_tokens=batch_tokens))
        assert [item.text for item, _ in found] == lines
        assert [t.text for _, t in found] == [shifted(line) for line in lines]
        alone = [hal.translate_all([line], SearchConfig(beam=2, n_best=2))[0] for line in lines[:9]]
        assert [scores(t) for _, t in found[:9]] == [scores(t) for t in alone]


def test_ctranslate2_needs_no_processes_for_its_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_translator(tmp_path / "model", *shifting_weights(), longest=30)
    model = load_translation(folder, engine="ctranslate2", jobs=2)
    monkeypatch.setattr("rnntext.jobs.workers.Workers", None)
    lines = ["abcdefgh"[: n % 9] * (n % 4) for n in range(3000)]
    found = answers(model, files(tmp_path, "\n".join(lines).encode()), jobs=2)
    assert [t.text for _, t in found] == [shifted(line) for line in lines]


@every_number_of_jobs
def test_lines_before_a_missing_file_are_answered(hal: TranslationModel, tmp_path: Path, jobs: int) -> None:
    stream = translate_stream(hal, [*files(tmp_path, b"a\nb\n"), str(tmp_path / "missing")], QUICK, jobs=jobs)
    assert [next(stream)[1].text, next(stream)[1].text] == ["b", "c"]
    with pytest.raises(InputOutputError, match="missing: No such file"):
        next(stream)


@every_number_of_jobs
def test_attention_comes_if_it_is_wanted(hal: TranslationModel, tmp_path: Path, jobs: int) -> None:
    paths = files(tmp_path, b"hal\n\n")
    for wanted in (True, False):
        (_, first), (_, blank) = answers(hal, paths, jobs, SearchConfig(beam=1, with_attention=wanted))
        assert (first.answers[0].attention is not None) == wanted
        assert blank.answers[0].tokens == []


# Slow input -----------------------------------------------------------------------------------------------------------


@every_number_of_jobs
def test_each_line_is_answered_before_the_next_is_sent(
    hal: TranslationModel, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    with open(reader) as stdin, open(writer, "wb", buffering=0) as feeder:
        monkeypatch.setattr(sys, "stdin", stdin)
        stream = translate_stream(hal, ["-"], QUICK, jobs=jobs)
        rescue = threading.Timer(PATIENCE, lambda: os.write(writer, b"too late\n" * 10))
        rescue.start()
        try:
            for said, answer in [(b"hal\n", "ibm"), (b"\r\n", ""), (b"x\nzz", "y"), (b"z\n", "aaa")]:
                feeder.write(said)
                assert next(stream)[1].text == answer
            assert rescue.is_alive()
        finally:
            rescue.cancel()
            stream.close()


def test_a_stream_ends_its_processes_when_nobody_wants_more(hal: TranslationModel, tmp_path: Path) -> None:
    def children() -> set[str]:
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())

    before = children()
    stream = translate_stream(hal, files(tmp_path, b"hal\n" * 5000), QUICK, jobs=2)
    next(stream)
    assert len(children() - before) == 2
    stream.close()
    assert children() - before == set()


# JSON -----------------------------------------------------------------------------------------------------------------


def test_plain_text_is_what_it_is() -> None:
    line = Line('{"text": "x"}', True, False)
    assert plain(line) == Item(line, '{"text": "x"}')


def test_the_field_text_of_an_object_is_translated_or_one_that_is_named() -> None:
    line = Line('{"id": 7, "text": "h\\u0061l", "more": "b"}')
    names = {"id": 7, "text": "", "more": ""}.keys()
    assert from_json(line) == Item(line, "hal", names)
    assert from_json(line, "more") == Item(line, "b", names)


NO_TEXT = 'no object with a text in its field "text"'


@pytest.mark.parametrize(
    ("text", "error", "names"),
    [
        ("", "not JSON", None),
        ("{", "not JSON", None),
        ("hal", "not JSON", None),
        ("[" * 100_000, "not JSON", None),
        ('["text"]', NO_TEXT, None),
        ("5", NO_TEXT, None),
        ("null", NO_TEXT, None),
        ('{"id": 7}', NO_TEXT, ["id"]),
        ('{"text": 5, "id": 8}', NO_TEXT, ["text", "id"]),
        ('{"text": null}', NO_TEXT, ["text"]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_object_with_a_text_is_an_error_of_its_line(text: str, error: str, names: list[str] | None) -> None:
    item = from_json(Line(text))
    assert (item.text, item.error) == ("", error)
    assert item.names == (None if names is None else set(names))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)


@examples
@given(st.dictionaries(st.text() | st.just("text"), json_values) | json_values | st.text())
def test_any_line_of_json_is_an_item_and_keeps_its_fields(value: Any) -> None:
    item = from_json(Line(json.dumps(value)))
    good = isinstance(value, dict) and isinstance(value.get("text"), str)
    assert (item.error is None) == good
    assert item.text == (value["text"] if good else "")
    kept = value if isinstance(value, dict) else {}
    assert json.loads(item.with_result({"a": 1})) == {**kept, "rnntext": {"a": 1}}


@pytest.mark.parametrize(
    "begin",
    [
        '{"text": "hal", "score": 5, "translation": {"en": "x"}, "error": null',
        '{ "text":"h\\u0061l" ,"a":1e999,"b":1.10,"c":-0,"d":[1E5, 12345678901234567890, NaN]\t',
        '{"text": "hal", "n": ' + "9" * 5000,
        '  {"text": "hal", "half": "\\ud83d", "slash": "\\/", "brace": "}"',
        '{"text": "hal", "twice": 1, "twice": 2',
    ],
)
def test_every_byte_of_an_object_stays_as_it_is(begin: str) -> None:
    item = from_json(Line(begin + "}  "))
    assert item.text == "hal"
    assert item.with_result({"translation": "ż"}) == begin + ', "rnntext": {"translation": "ż"}}'


def test_a_result_overwrites_nothing_not_even_an_older_one() -> None:
    assert from_json(Line("{}")).with_result(1) == '{"rnntext": 1}'
    assert from_json(Line('{"rnntext": 1}')).with_result(2) == '{"rnntext": 1, "rnntext_": 2}'
    assert from_json(Line('["rnntext"]')).with_result(3) == '{"rnntext": 3}'


@every_number_of_jobs
def test_a_bad_line_of_json_does_not_disturb_its_neighbours(hal: TranslationModel, tmp_path: Path, jobs: int) -> None:
    content = b'{"text": "hal"}\nnonsense\n{"text": "zzz", "id": 1}\r\n\n{"text": "\\ud83d"}\n'
    found = answers(hal, files(tmp_path, content), jobs, field="text")
    assert [t.text for _, t in found] == ["ibm", "", "aaa", "", ""]
    assert [item.error for item, _ in found] == [None, "not JSON", None, "not JSON", None]
