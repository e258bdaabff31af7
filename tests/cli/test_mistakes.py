"""Whatever a user gets wrong: one line on stderr that says what and where, nothing on stdout, the right exit code."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli.shell import PROGRAM, Shell
from helpers import save_charlm

from rnntext.run.charlm import shapes
from rnntext.settings.charlm import CharlmConfig
from rnntext.storage import checkpoint

UNREADABLE = "/proc/self/mem"  # reading it fails even for root
GENERATE = ["generate", "--seed", "1"]
TRAIN = ["train-charlm", "-m", "new"]

# (arguments, exit code, what the message must contain). The files are those of `untidy`.
MISTAKES: list[tuple[list[str], int, list[str]]] = [
    # Commands and options
    (["frobnicate"], 2, ["frobnicate"]),
    (["generat"], 2, ["generat", "generate"]),
    (["--frobnicate"], 2, ["--frobnicate"]),
    (["corpora", "frobnicate"], 2, ["frobnicate"]),
    (["corpora", "show"], 2, ["CORPUS"]),
    ([*GENERATE, "--temprature", "1"], 2, ["--temprature", "--temperature"]),
    ([*GENERATE, "--length"], 2, ["--length"]),
    ([*GENERATE, "The", "cat"], 2, ["cat"]),
    (["generate", "- a list item"], 2, ["put -- before it: -- '- a list item'"]),
    (["generate", "-- said he"], 2, ["put -- before it: -- '-- said he'"]),
    (["score", "-x.txt"], 2, ["put -- before it: -- -x.txt"]),
    # Numbers and choices
    ([*GENERATE, "--temperature", "-1"], 2, ["--temperature", "-1", "0", "100"]),
    ([*GENERATE, "--temperature", "nan"], 2, ["--temperature", "nan"]),
    ([*GENERATE, "--temperature", "hot"], 2, ["--temperature", "float"]),
    ([*GENERATE, "--top-p", "0"], 2, ["--top-p"]),
    ([*GENERATE, "--top-p", "2"], 2, ["--top-p", "2", "1"]),
    ([*GENERATE, "--top-k", "0"], 2, ["--top-k"]),
    ([*GENERATE, "--min-p", "-0.1"], 2, ["--min-p", "-0.1"]),
    ([*GENERATE, "--repetition-penalty", "0"], 2, ["--repetition-penalty"]),
    ([*GENERATE, "--length", "-5"], 2, ["--length", "0"]),
    ([*GENERATE, "--length", "many"], 2, ["--length", "int"]),
    ([*GENERATE, "--count", "0"], 2, ["--count", "1"]),
    ([*GENERATE, "--count", "10000000000000000000"], 2, ["--count", "1000000000"]),
    (["generate", "--seed", "-1"], 2, ["--seed", "0"]),
    ([*GENERATE, "--on-unknown", "guess"], 2, ["--on-unknown", "guess", "error", "skip"]),
    ([*TRAIN, "--units", "0"], 2, ["--units", "0", "16384"]),
    ([*TRAIN, "--units", "99999999"], 2, ["--units", "99999999"]),
    ([*TRAIN, "--layers", "-1"], 2, ["--layers"]),
    ([*TRAIN, "--embedding", "0"], 2, ["--embedding"]),
    ([*TRAIN, "--dropout", "2"], 2, ["--dropout", "2", "0.95"]),
    ([*TRAIN, "--recurrent-dropout", "1"], 2, ["--recurrent-dropout"]),
    ([*TRAIN, "--learning-rate", "inf"], 2, ["--learning-rate"]),
    ([*TRAIN, "--batch-size", "0"], 2, ["--batch-size"]),
    ([*TRAIN, "--window", "0"], 2, ["--window"]),
    ([*TRAIN, "--steps", "0"], 2, ["--steps"]),
    ([*TRAIN, "--epochs", "1.5"], 2, ["--epochs", "int"]),
    ([*TRAIN, "--vocabulary-size", "0"], 2, ["--vocabulary-size", "1000000"]),
    ([*TRAIN, "--seed", "-1"], 2, ["--seed", "2147483647"]),
    ([*TRAIN, "--time-limit", "soon"], 2, ["--time-limit", "soon", "90s"]),
    ([*TRAIN, "--time-limit", "0"], 2, ["--time-limit"]),
    ([*TRAIN, "--validation", "1.5"], 2, ["--validation", "1.5", "between 0 and 1"]),
    ([*TRAIN, "--validation", "nan"], 2, ["--validation", "nan"]),
    ([*TRAIN, "--cell", "elman"], 2, ["--cell", "elman", "rnn, lstm, gru"]),
    ([*TRAIN, "--precision", "half"], 2, ["--precision", "half", "bfloat16"]),
    ([*TRAIN, "--promote", "maybe"], 2, ["--promote", "maybe", "better"]),
    ([*TRAIN, "--tolerance", "-1"], 2, ["--tolerance", "-1"]),
    ([*TRAIN, "--keep", "0"], 2, ["--keep", "0"]),
    ([*TRAIN, "--save-every", "soon"], 2, ["--save-every", "soon"]),
    ([*TRAIN, "--pause-after", "-1"], 2, ["--pause-after", "-1"]),
    ([*TRAIN, "--wait", "a while"], 2, ["--wait", "a while"]),
    ([*TRAIN, "--nice", "20"], 2, ["--nice", "19"]),
    ([*TRAIN, "--relearn-tokens"], 2, ["--relearn-tokens"]),
    ([*TRAIN, "empty.txt", "--log-json", "missing/log"], 74, ["missing"]),
    ([*TRAIN, "--encoding-errors", "ignore"], 2, ["--encoding-errors", "ignore", "replace"]),
    # Models
    ([*GENERATE, "-m", "zebra"], 2, ["zebra", "charlm", "alphabet", "world"]),
    ([*GENERATE, "-m", "charlmm"], 2, ["charlmm", "did you mean charlm?"]),
    ([*GENERATE, "-m", "./folder"], 2, ["./folder"]),
    ([*GENERATE, "-m", ""], 2, ["--model"]),
    (["score", "-m", "zebra"], 2, ["zebra"]),
    # Prompts
    ([*GENERATE, "naïve 你😀"], 65, ["'ï' (U+00EF)", "'你' (U+4F60)", "'😀' (U+1F600)", "--on-unknown skip"]),
    # Files
    (["score", "missing.txt"], 74, ["missing.txt", "No such file"]),
    (["score", "folder"], 74, ["folder", "no files"]),
    (["score", UNREADABLE], 74, [UNREADABLE, "Input/output error"]),
    (["score", "empty.txt"], 65, ["empty.txt", "empty"]),
    (["score"], 65, ["<stdin>", "empty"]),
    (["score", "bad.txt"], 65, ["bad.txt", "line 2", "offset 9", "0xff"]),
    (["score", "--per-line", "missing.txt"], 74, ["missing.txt"]),
    ([*TRAIN, "missing.txt"], 74, ["missing.txt", "No such file"]),
    ([*TRAIN, "valey"], 74, ["valey", "valley"]),
    ([*TRAIN, "folder"], 74, ["folder", "no files"]),
    ([*TRAIN, UNREADABLE], 74, [UNREADABLE]),
    ([*TRAIN, "empty.txt"], 65, ["empty.txt", "empty"]),
    ([*TRAIN, "-"], 65, ["<stdin>", "empty"]),
    ([*TRAIN, "bad.txt"], 65, ["bad.txt", "line 2", "offset 9", "0xff", "--encoding-errors replace"]),
    ([*TRAIN, "short.txt", "--window", "64"], 65, ["short.txt", "--window 64"]),
    ([*TRAIN, "valley", "--validation", "missing.txt"], 74, ["missing.txt"]),
    ([*TRAIN, "valley", "--validation", "empty.txt"], 65, ["empty.txt"]),
    ([*TRAIN, "-m", "short.txt/x", "valley"], 74, ["short.txt"]),
    (["corpora", "show", "zebra"], 2, ["zebra", "valley", "python-docs"]),
    (["corpora", "show", "vally"], 2, ["vally", "did you mean valley?"]),
    (["corpora", "path", "python-docs"], 2, ["python-docs", "corpora show python-docs"]),
    # Places to write to
    ([*GENERATE, "-o", "folder"], 74, ["folder", "directory"]),
    ([*GENERATE, "-o", "missing/x.txt"], 74, ["--output missing/x.txt", "there is no folder"]),
    ([*GENERATE, "-o", "short.txt/x.txt"], 74, ["short.txt", "Not a directory"]),
    ([*GENERATE, "-o", ""], 2, ["--output"]),
    (["generate", "-o", "missing/x.txt"], 74, ["missing"]),  # the fresh seed is not announced before the mistake
    (["corpora", "show", "valley", "-o", "folder"], 74, ["folder"]),
    # Configuration files
    ([*GENERATE, "--config", "missing.toml"], 74, ["missing.toml", "No such file"]),
    ([*GENERATE, "--config", "typo.toml"], 2, ["typo.toml", "temprature", "temperature"]),
    ([*GENERATE, "--config", "not.toml"], 2, ["not.toml", "not TOML", "line 2"]),
    ([*GENERATE, "--config", "bad.txt"], 2, ["bad.txt", "not TOML"]),
    ([*GENERATE, "--config", "type.toml"], 2, ["--temperature", "float"]),
    ([*GENERATE, "--config", "range.toml"], 2, ["--temperature", "-1"]),
]

IDS = [" ".join(arguments) for arguments, _, _ in MISTAKES]


@pytest.fixture
def untidy(shell: Shell) -> Shell:
    """A folder full of things that will not do."""
    (shell.folder / "folder").mkdir()
    contents = {
        "empty.txt": "",
        "short.txt": "Too short.\n",
        "bad.txt": b"fine\nbad \xff here\n",
        "typo.toml": "temprature = 1\n",
        "not.toml": "length = 5\ntemperature =\n",
        "type.toml": 'temperature = "hot"\n',
        "range.toml": "temperature = -1\n",
    }
    for name, content in contents.items():
        shell.write(name, content)
    return shell


def said(shell: Shell, arguments: list[str | bytes], code: int, here: bool = False) -> str:
    """The message about a mistake, after checks that hold for all of them; made in this process or in a new one."""
    before = sorted(path.name for path in shell.folder.iterdir())
    done = (shell.here if here else shell)(*arguments, code=code)
    assert done.out == b""
    for inner in (".tmp-", "unforeseen", "Errno", "object has no"):
        assert inner not in done.message
    assert sorted(path.name for path in shell.folder.iterdir()) == before
    return done.message


@pytest.mark.parametrize(("arguments", "code", "parts"), MISTAKES, ids=IDS)
def test_a_mistake_gets_one_line_that_names_it(untidy: Shell, arguments: list[str], code: int, parts) -> None:
    message = said(untidy, [*arguments], code, here=True)
    assert [part for part in parts if part not in message] == [], message


def test_an_unreadable_file_is_named(shell: Shell) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (shell.folder / shell.write("secret.txt", "x")).chmod(0)
    assert "secret.txt: Permission denied" in said(shell, ["score", "secret.txt"], 74)


def test_without_any_model_the_message_says_how_to_train_one(shell: Shell) -> None:
    done = shell("generate", code=2, RNNTEXT_CHECKPOINTS=str(shell.folder / "none"))
    assert "rnntext train-charlm" in done.message


def test_invalid_bytes_in_a_prompt_are_called_bytes_and_not_surrogates(shell: Shell) -> None:
    message = said(shell, [*GENERATE, b"Th\xffe"], 65)
    assert "udcff" not in message.lower()
    assert "U+DCFF" not in message
    assert "0xff" in message


@pytest.mark.parametrize("command", [GENERATE, ["score"], ["generate", "-", "--seed", "1"]], ids=" ".join)
def test_advice_about_invalid_utf8_names_only_options_that_the_command_has(shell: Shell, command: list[str]) -> None:
    message = shell.here(*command, stdin=b"fine\nbad \xff", code=65).message
    assert "<stdin>: line 2, byte offset 9" in message
    assert "--encoding-errors" not in message


# Checkpoints ----------------------------------------------------------------------------------------------------------


def flip_a_byte(version: Path) -> None:
    path = version / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def cut_weights(version: Path) -> None:
    os.truncate(version / "weights.safetensors", 100)


def cut_pointer(version: Path) -> None:
    os.truncate(version.parents[1] / "current", 20)


def lose_vocabulary(version: Path) -> None:
    (version / "vocabulary.json").unlink()


def lose_version(version: Path) -> None:
    shutil.rmtree(version)


def reseal(version: Path, old: str, new: str) -> None:
    manifest = version / "manifest.json"
    manifest.write_text(manifest.read_text().replace(old, new))
    checkpoint.promote(version.parents[1], version.name)


def make_newer(version: Path) -> None:
    reseal(version, '"format": 1', '"format": 99')


def make_translator(version: Path) -> None:
    reseal(version, '"kind": "charlm"', '"kind": "translator"')


@pytest.mark.parametrize(
    ("harm", "code", "parts"),
    [
        (flip_a_byte, 65, ["weights.safetensors", "damaged"]),
        (cut_weights, 65, ["weights.safetensors", "damaged", "size"]),
        (cut_pointer, 65, ["current", "damaged"]),
        (lose_vocabulary, 65, ["vocabulary.json", "missing"]),
        (lose_version, 65, ["000001", "missing"]),
        (make_newer, 65, ["format 99", "format 1", "upgrade"]),
        (make_translator, 2, ["translator", "charlm"]),
    ],
)
def test_an_unusable_checkpoint_is_refused_by_name(shell: Shell, models: Path, harm, code: int, parts) -> None:
    shutil.copytree(models / "charlm", shell.folder / "harmed")
    harm(shell.folder / "harmed" / "versions" / "000001")
    message = said(shell, [*GENERATE, "-m", "./harmed"], code)
    assert [part for part in ["harmed", *parts] if part not in message] == [], message


def test_weights_of_another_shape_are_refused(shell: Shell) -> None:
    small, large = CharlmConfig(units=3, layers=1), CharlmConfig(units=4, layers=1)
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes(small, 3).items()}
    save_charlm(shell.folder / "mixed", large, "ab", arrays)
    assert "mixed" in said(shell, [*GENERATE, "-m", "./mixed"], 65)


# Help -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["corpora"]], ids=["rnntext", "rnntext corpora"])
def test_a_bare_command_shows_its_help_as_help_looks(shell: Shell, arguments: list[str]) -> None:
    done = shell.run(["sh", "-c", '"$@"; [ $? -le 2 ]', "sh", *PROGRAM, *arguments])
    lines = (done.text + done.err).split("\n")
    assert "Commands:" in [line.strip() for line in lines]
    assert len(lines) > 10
