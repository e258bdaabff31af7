"""translate: a line in is a line out, whatever the line; in every format, by any number of processes, at once."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from cli.shell import CLEAN, PATIENCE, PROGRAM, Shell, read_some
from helpers import (
    alphabet_weights,
    parts_of,
    save_charlm,
    save_translator,
    shifted,
    shifting_log_probability,
    shifting_weights,
)

from rnntext.cli import alignment
from rnntext.jobs.answers import Answer, Translation
from rnntext.jobs.load import load_translation
from rnntext.jobs.translation import TranslationModel
from rnntext.run import translators
from rnntext.settings.translator import GRUConfig

LONGEST = 39
every_number_of_jobs = pytest.mark.parametrize("jobs", ["1", "2"])
every_engine = pytest.mark.parametrize("engine", ["numpy", "ctranslate2"])


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models: translator, which answers "ibm" to "hal" and knows sentences of 39 letters, and charlm."""
    folder = tmp_path_factory.mktemp("home")
    save_translator(folder / "translator", *shifting_weights(), longest=LONGEST)
    save_charlm(folder / "charlm", *alphabet_weights())
    return folder


@pytest.fixture(scope="session")
def model(home: Path) -> TranslationModel:
    return load_translation(home / "translator")


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    return Shell(tmp_path, {**CLEAN, "RNNTEXT_CHECKPOINTS": str(home)})


def answer(model: TranslationModel, line: bytes, tokens: int) -> bytes:
    """What must come out for a line, its end included, when no part's answer may have more tokens."""
    text = line.removesuffix(b"\n").removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    answers = (shifted(part)[:tokens] for part in parts_of(model, text))
    return " ".join(answers).encode() + (b"\r\n" if line.endswith(b"\r\n") else b"\n")


NASTY = [
    b"\xef\xbb\xbfhal\n",  # a byte order mark
    b"the cat sat on the mat\r\n",
    b"\n",
    b"\r\n",
    b"  \t \n",
    b"a\xe2\x80\xa8b\xe2\x80\xa9c\xc2\x85d\x0be\x0cf\rg\0h\x1ci\n",  # no line ends
    b"\xff\xfe caf\xe9\r\n",  # not UTF-8
    b"one " * 25_000 + b"\n",  # 100,000 characters
    b"x" * 100_000 + b"\r\n",
    "你好 😀 Zażółć, привет.\n".encode(),
    b"||| [UNK] unk s \xe2\x96\x81\n",
    b"last",
]


# Lines ----------------------------------------------------------------------------------------------------------------


@every_engine
@every_number_of_jobs
def test_a_line_in_is_a_line_out_whatever_the_line(
    shell: Shell, model: TranslationModel, jobs: str, engine: str
) -> None:
    quick = ["--beam", "1", "--max-length", "8", "--batch-tokens", "30000", "--engine", engine]
    done = shell("translate", *quick, "--jobs", jobs, stdin=b"".join(NASTY))
    assert done.out.splitlines(keepends=True) == [answer(model, line, 8) for line in NASTY]
    notes = done.err.splitlines()
    assert len(notes) == 2
    assert notes[0].startswith("rnntext: 2 lines were not valid UTF-8, or had NULs")
    assert notes[1] == "rnntext: 2 lines were split, and translated in parts; --no-split leaves lines whole"


@pytest.mark.parametrize(
    ("stdin", "out"),
    [
        (b"", b""),
        (b"\n", b"\n"),
        (b"a", b"b\n"),
        (b"a\n", b"b\n"),
        (b"a\n\n", b"b\n\n"),
        (b"\r\n\r\na\n", b"\r\n\r\nb\n"),
    ],
)
def test_the_number_of_lines_stays_at_the_edges(shell: Shell, stdin: bytes, out: bytes) -> None:
    done = shell.here("translate", stdin=stdin)
    assert (done.out, done.err) == (out, "")


def test_a_closed_stdin_is_an_empty_one(shell: Shell) -> None:
    done = shell.run(["sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM, "translate", "--jobs", "2"])
    assert (done.out, done.err) == (b"", "")


def test_files_are_one_stream(shell: Shell) -> None:
    files = [shell.write("a", "hal\nb"), shell.write("b", b""), shell.write("c", b"\xef\xbb\xbfc\r\n")]
    assert shell.here("translate", *files, "-", stdin="zzz").out == b"ibm\nc\nd\r\naaa\n"


@every_number_of_jobs
def test_lines_before_a_missing_file_are_answered(shell: Shell, jobs: str) -> None:
    done = shell("translate", shell.write("a", "hal\nhal\n"), "missing.txt", "--jobs", jobs, code=74)
    assert done.lines == ["ibm", "ibm"]
    assert "missing.txt: No such file" in done.message


@every_engine
@every_number_of_jobs
def test_answers_come_while_stdin_is_held_open(shell: Shell, jobs: str, engine: str) -> None:
    with shell.started("translate", "--jobs", jobs, "--engine", engine) as process:
        for said, answered in [(b"hal\n", b"ibm\n"), (b"\r\n", b"\r\n"), (b"a\nha", b"b\n"), (b"l\nzz", b"ibm\n")]:
            process.stdin.write(said)
            assert read_some(process.stdout.fileno(), len(answered)) == answered
        assert process.poll() is None
        process.stdin.close()
        assert process.stdout.read() == b"aa\n"
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


def test_translating_loads_no_tensorflow(shell: Shell) -> None:
    loaded = shell.modules("translate", "--json", stdin=b"hal\n")
    assert loaded & {"tensorflow", "keras", "matplotlib", "sacrebleu", "sentencepiece"} == set()
    assert "numpy" in loaded


# Formats --------------------------------------------------------------------------------------------------------------


def test_n_best_lists_are_in_moses_format(shell: Shell) -> None:
    done = shell.here("translate", "--n-best", "3", stdin=b"hal\n\nzz\r\n")
    lines = done.text.split("\n")[:-1]
    assert len(lines) == 9
    assert [line.endswith("\r") for line in lines] == [False] * 6 + [True] * 3
    found = [line.removesuffix("\r").split(" ||| ") for line in lines]
    assert [fields[0] for fields in found] == ["0"] * 3 + ["1"] * 3 + ["2"] * 3
    assert [found[row][1] for row in (0, 3, 6)] == ["ibm", "", "aa"]
    assert len({fields[1] for fields in found[:3]}) == 3
    for number, text, features, score in found:
        name, probability = features.split(" ")
        assert name == "LogProb="
        if number == "1":
            assert float(probability) == float(score) == 0.0
        else:
            length = len(text) + 1  # with the end
            assert float(score) == pytest.approx(float(probability) / ((5 + length) / 6), abs=1e-3)
    assert float(found[0][2].split()[1]) == pytest.approx(shifting_log_probability(3), abs=1e-4)
    assert [float(fields[3]) for fields in found[:3]] == sorted((float(f[3]) for f in found[:3]), reverse=True)


def test_scores_go_before_the_answers(shell: Shell) -> None:
    for arguments, penalty in [
        ([], 9 / 6),
        (["--length-penalty", "0"], 1.0),
        (["--length-penalty", "2"], (9 / 6) ** 2),
    ]:
        first, blank = shell.here("translate", "--scores", *arguments, stdin=b"hal\n\n").lines
        score, text = first.split("\t")
        assert text == "ibm"
        assert float(score) == pytest.approx(shifting_log_probability(3) / penalty, abs=1e-4)
        assert blank == "0.0000\t"


def test_json_tells_everything(shell: Shell) -> None:
    done = shell.here("translate", "--json", "--n-best", "2", stdin="hal\n\né\u2028\r\n".encode())
    assert done.out.count(b"\n") == 3
    assert done.out.endswith(b"}\r\n")
    first, blank, odd = done.records
    assert first["text"] == "hal"
    assert first["translation"] == "ibm"
    assert first["log_probability"] == pytest.approx(shifting_log_probability(3), rel=1e-2)
    assert first["score"] == pytest.approx(first["log_probability"] / 1.5)
    assert (first["source_tokens"], first["target_tokens"]) == (["h", "a", "l"], ["i", "b", "m"])
    assert first["attention"] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert [set(other) for other in first["n_best"]] == [{"translation", "score", "log_probability"}] * 2
    assert first["n_best"][0]["translation"] == "ibm" != first["n_best"][1]["translation"]
    assert (blank["translation"], blank["attention"], blank["score"]) == ("", [], 0)
    assert odd["text"] == "é\u2028"
    assert odd["translation"] == "f"  # an accent that is not learnt is left out, and a blank at the end


def test_jsonl_objects_pass_through_with_the_results_in_one_more_field(shell: Shell) -> None:
    lines = [
        '{"id": 7, "text": "hal", "score": 1e999, "more": {"a": [1.10, null, "ż😀", "\\ud83d"]}}',
        "nonsense",
        '{"id": 8}',
        "",
        '{"text": "zz\\nz\\ud83d", "translation": "old"}',
        '["hal"]',
    ]
    done = shell.here("translate", "--input-format", "jsonl", stdin="\n".join(lines))
    first, nonsense, without, empty, odd, array = done.records
    assert done.lines[0].startswith(lines[0][:-1] + ', "rnntext": {"translation": "ibm", "score": ')
    assert set(first["rnntext"]) == {"translation", "score", "log_probability"}
    assert (nonsense, empty) == ({"rnntext": {"error": "not JSON"}},) * 2
    missing = {"error": 'no object with a text in its field "text"'}
    assert without == {"id": 8, "rnntext": missing}
    assert array == {"rnntext": missing}
    assert (odd["translation"], odd["rnntext"]["translation"]) == ("old", "aa\na")
    assert done.err == 'rnntext: 4 lines were not a JSON object with a text in "text"; the answer says "error"\n'


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_text_of_several_lines_keeps_them(shell: Shell, jobs: str) -> None:
    texts = ["hal\n\n  zz\n", "\n", "hal"]
    stdin = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = shell("translate", "--input-format", "jsonl", "--n-best", "2", "--json", "--jobs", jobs, stdin=stdin)
    several, blank, single = [record["rnntext"] for record in done.records]
    assert several["translation"] == "ibm\n\n  aa\n"
    assert blank["translation"] == "\n"
    assert single["translation"] == "ibm"
    assert several["source_tokens"] == ["h", "a", "l", "z", "z"]
    assert [len(row) for row in several["attention"]] == [5] * 5
    scored = [shell.here("translate", "--json", stdin=line).records[0] for line in ("hal", "zz")]
    assert several["score"] == pytest.approx(sum(record["score"] for record in scored) / 2)
    assert done.err == ""


def test_a_byte_order_mark_between_two_files_does_not_matter(shell: Shell) -> None:
    done = shell.here("translate", "--input-format", "jsonl", stdin='{"text": "b"}\n\ufeff{"text": "hal"}\n')
    assert done.lines[1].startswith('{"text": "hal", "rnntext": {"translation": "ibm"')
    assert done.err == ""


def test_a_field_may_have_an_empty_name(shell: Shell) -> None:
    done = shell.here("translate", "--input-format", "jsonl", "--field", "", stdin='{"": "hal", "text": "b"}\n')
    assert done.records[0]["rnntext"]["translation"] == "ibm"


def test_another_field_may_hold_the_text(shell: Shell) -> None:
    stdin = '{"text": "b", "sentence": "hal"}\r\n'
    done = shell.here("translate", "--input-format", "jsonl", "--field", "sentence", "--n-best", "2", stdin=stdin)
    (record,) = done.records
    assert record["rnntext"]["translation"] == "ibm"
    assert len(record["rnntext"]["n_best"]) == 2
    assert done.out.endswith(b"}\r\n")
    assert "--input-format jsonl" in shell.here("translate", "--field", "sentence", stdin="hal\n", code=2).message


def test_json_lines_without_any_text_are_answered_and_the_option_is_named(shell: Shell) -> None:
    done = shell.here("translate", "--input-format", "jsonl", stdin='hal\n{"sentence": "hal"}\n')
    assert ["error" in record["rnntext"] for record in done.records] == [True, True]
    counted, advice = done.err.splitlines()
    assert counted.startswith("rnntext: 2 lines were not a JSON object")
    assert "--field" in advice
    assert shell.here("translate", "--input-format", "jsonl", stdin="").out == b""


@pytest.mark.parametrize("arguments", [["--json"], ["--input-format", "jsonl"]], ids=" ".join)
def test_the_record_of_a_line_with_invalid_bytes_says_so(shell: Shell, arguments: list[str]) -> None:
    valid, invalid = b'{"text": "hal"}\n', b'{"text": "h\xffal"}\n'
    done = shell.here("translate", *arguments, stdin=valid + invalid)
    first, second = (record.get("rnntext", record) for record in done.records)
    assert "error" not in first
    assert second["error"] == "not valid UTF-8, or had NULs; these bytes were read as U+FFFD"
    assert second["translation"]


def test_notes_can_be_silenced(shell: Shell) -> None:
    stdin = b"\xff\n" + b"x" * 50 + b"\n"
    assert shell.here("translate", "-q", "--beam", "1", stdin=stdin).err == ""


def test_answers_can_go_into_a_file_whole_or_not_at_all(shell: Shell) -> None:
    assert shell.here("translate", "-o", "out.txt", stdin=b"hal\nzzz\n").out == b""
    assert (shell.folder / "out.txt").read_bytes() == b"ibm\naaa\n"
    shell.here("translate", "-o", "out.txt", shell.write("a", "b\n"), "missing", code=74)
    assert (shell.folder / "out.txt").read_bytes() == b"ibm\naaa\n"


@every_engine
@every_number_of_jobs
def test_a_glossary_says_what_terms_are_called(shell: Shell, jobs: str, engine: str) -> None:
    terms = shell.write("terms.tsv", "# animals\r\ncat\tKatze\r\n\nbig cat\tLöwe\n")
    stdin = "a cat sat\na big cat\nconcat\n{cat} cat\n\n" * 3
    done = shell("translate", "--glossary", terms, "--jobs", jobs, "--engine", engine, stdin=stdin)
    assert done.text == "b Katze tbu\nb Löwe\ndpodbu\n{cat} Katze\n\n" * 3
    record, *_ = shell.here(
        "translate", "--glossary", terms, "--input-format", "jsonl", stdin='{"text": "cat"}'
    ).records
    assert record["rnntext"]["translation"] == "Katze"


def test_a_wrong_glossary_is_one_line(shell: Shell) -> None:
    terms = shell.write("terms.tsv", "cat\tKatze\n\ndog\n")
    done = shell.here("translate", "--glossary", terms, stdin="cat\n", code=65)
    assert done.message.startswith("terms.tsv: line 3: must be a term, one TAB and its translation")
    assert done.out == b""
    assert "missing.tsv" in shell.here("translate", "--glossary", "missing.tsv", stdin="cat\n", code=74).message


def test_the_length_of_an_answer_can_be_limited(shell: Shell) -> None:
    assert shell.here("translate", "--max-length", "2", stdin=b"hal\n").lines == ["ib"]


# Breaking off ---------------------------------------------------------------------------------------------------------


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def still_there(pids: list[int]) -> bool:
    until = time.monotonic() + PATIENCE
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    return any(os.path.exists(f"/proc/{pid}") for pid in pids)


@every_number_of_jobs
def test_a_reader_that_has_enough_ends_it_by_sigpipe_silently(shell: Shell, jobs: str) -> None:
    name = shell.write("long.txt", "hal\n" * 100_000)
    pipeline = f'"$@" translate {name} --beam 1 --jobs {jobs} 2>err.txt | head -1; echo "${{PIPESTATUS[0]}}"'
    done = shell.run(["bash", "-c", pipeline, "bash", *PROGRAM])
    assert done.lines == ["ibm", "141"]
    assert (shell.folder / "err.txt").read_bytes() == b""


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--jobs", "2"]], ids=" ".join)
def test_a_full_disk_gives_one_line_and_74(shell: Shell, arguments: list[str]) -> None:
    with open("/dev/full", "r+b", buffering=0) as full:
        done = shell.run([*PROGRAM, "translate", *arguments], stdin="hal\n", code=74, stdout=full)
    assert "No space left on device" in done.message


@every_number_of_jobs
def test_ctrl_c_ends_with_130_and_silence(shell: Shell, jobs: str) -> None:
    with shell.started("translate", "--jobs", jobs, start_new_session=True) as process:
        process.stdin.write(b"hal\n")
        assert read_some(process.stdout.fileno(), 4) == b"ibm\n"
        workers = children_of(process.pid)
        assert len(workers) == (2 if jobs == "2" else 0)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all of them
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == b""
    assert not still_there(workers)


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("--beam 0", ["--beam 0", "1", "256"]),
        ("--n-best 3 --beam 2", ["--n-best 3", "--beam 2"]),
        ("--n-best 0", ["--n-best 0"]),
        ("--length-penalty nan", ["--length-penalty"]),
        ("--max-length 0", ["--max-length 0"]),
        ("--jobs 0", ["--jobs"]),
        ("--batch-tokens 0", ["--batch-tokens"]),
        ("--input-format xml", ["--input-format xml", "text, jsonl"]),
        ("-m charlm", ["charlm model", "translation model"]),
        ("-m translater", ["translater", "did you mean translator?"]),
    ],
)
def test_a_mistake_gives_one_line_and_2(shell: Shell, arguments: str, parts: list[str]) -> None:
    done = shell.here("translate", *arguments.split(), stdin=b"hal\n", code=2)
    assert done.out == b""
    assert [part for part in parts if part not in done.message] == [], done.message


def test_other_commands_refuse_a_translation_model(shell: Shell) -> None:
    done = shell.here("generate", "-m", "translator", "--seed", "1", code=2)
    assert "this is a translator model" in done.message


# Pictures -------------------------------------------------------------------------------------------------------------

BEGINNINGS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("end", ["png", "svg"])
def test_the_attention_of_one_line_is_drawn(shell: Shell, end: str) -> None:
    done = shell.here("translate", "--alignment", f"picture.{end}", stdin=b"the $hal$_cat\n")
    assert done.lines == [shifted("the $hal$_cat")]
    assert done.err == ""
    picture = (shell.folder / f"picture.{end}").read_bytes()
    assert picture.startswith(BEGINNINGS[end])
    assert len(picture) > 2000


def test_a_blank_line_can_be_drawn_too(shell: Shell) -> None:
    assert shell("translate", "--alignment", "picture.PNG", stdin=b"\n").out == b"\n"
    assert (shell.folder / "picture.PNG").read_bytes().startswith(BEGINNINGS["png"])


@pytest.mark.parametrize("name", ["picture", "picture.", "picture.xyz", ".png"])
def test_a_name_that_tells_no_kind_of_picture_is_refused(shell: Shell, name: str) -> None:
    done = shell.here("translate", "--alignment", name, stdin=b"hal\n", code=2)
    assert f"--alignment {name}: give a name that ends with .png, .svg or .pdf" in done.message
    assert list(shell.folder.iterdir()) == []


def test_a_second_line_makes_no_second_picture(shell: Shell) -> None:
    done = shell.here("translate", "--alignment", "picture.svg", stdin=b"hal\nzzz\n", code=2)
    assert "one line makes one picture" in done.message
    assert done.out == b""
    assert list(shell.folder.iterdir()) == []


def test_a_model_without_attention_has_nothing_to_draw(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "blind"
    config, language = GRUConfig(layers=1, units=4, embedding=4, attention="none", tokens="char"), shifting_weights()[2]
    shapes = translators.shapes(config, len(language), len(language))
    save_translator(folder, config, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, language)
    done = shell.here("translate", "-m", str(folder), "--alignment", "picture.svg", stdin=b"hal\n", code=2)
    assert "--alignment picture.svg: this model was trained with --attention none" in done.message
    (record,) = shell.here("translate", "-m", str(folder), "--json", stdin=b"hal\n").records
    assert "attention" not in record


def test_a_picture_in_a_folder_that_is_not_there_is_an_error_that_names_it(shell: Shell) -> None:
    done = shell.here("translate", "--alignment", "missing/picture.png", stdin=b"hal\n", code=74)
    assert "missing" in done.message


ODD_TOKENS = ["[/b]", "[red]", ":smile:", "$\\frac$", "$x_$", "a\\n", "<0x0A>"]


def odd_translation() -> Translation:
    weights = np.full((len(ODD_TOKENS), 2), 0.5, np.float32)
    return Translation([Answer("x", -1.0, -1.0, ODD_TOKENS, weights)], ["[bold]", "$$"], 1)


def test_tokens_are_drawn_as_they_are(tmp_path: Path) -> None:
    alignment.draw(tmp_path / "picture.png", odd_translation())
    assert (tmp_path / "picture.png").read_bytes().startswith(BEGINNINGS["png"])


def test_tokens_are_shown_as_they_are(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    alignment.show(odd_translation())
    header, *rows = capsys.readouterr().err.splitlines()
    assert header.split() == ["[bold]", "$$"]
    assert [row.split()[0] for row in rows] == ODD_TOKENS
    assert all(row.split()[1:] == ["▒▒▒", "▒▒▒"] for row in rows)


def test_characters_that_no_font_has_are_drawn_without_a_fuss(shell: Shell) -> None:
    done = shell.here("translate", "--alignment", "picture.png", stdin="你好\n".encode())
    assert done.lines == ["??"]
    assert done.err == ""
