"""train-translate in real processes."""

import json
import re
from pathlib import Path

import pytest
from cli.shell import CLEAN, Done, Shell

PAIRS = [
    (f"{a} {b} {c} {n}", f"{n} {c} {b} {a}!")
    for n in ("one", "two", "three")
    for a in ("the", "a")
    for b in ("old", "new", "wet")
    for c in ("mill", "boat", "lamp", "letter")
]
SMALL = ["--layers", "1", "--units", "8", "--heads", "2", "--feedforward", "8", "--vocabulary-size", "290"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder: Path = tmp_path_factory.mktemp("translating")
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in PAIRS))
    (folder / "numbers.tsv").write_text("".join(f"{n}\t{a}\t{b}\n" for n, (a, b) in enumerate(PAIRS)))
    (folder / "source").write_text("".join(f"{a}\n" for a, _ in PAIRS))
    (folder / "target").write_text("".join(f"{b}\n" for _, b in PAIRS))
    return Shell(folder, CLEAN)


@pytest.fixture(scope="module")
def first(shell: Shell) -> Done:
    return shell("train-translate", "pairs.tsv", *SMALL, "--steps", "3", "-v")


def test_a_first_run_makes_the_default_model_and_says_how_it_went(first: Done, shell: Shell) -> None:
    assert first.out == b""
    assert (shell.folder / "checkpoints" / "translator" / "current").is_file()
    assert re.search(r"^\d+ pairs to learn from, \d+ held out$", first.err, re.MULTILINE)
    assert re.search(r"^step 3/3 .* tokens/s .*held-out \d+\.\d{4} BLEU", first.err, re.MULTILINE)
    assert first.err.splitlines()[-1] == "try: rnntext translate"


def test_verbose_shows_some_translations(first: Done) -> None:
    shown = [line for line in first.err.splitlines() if line.startswith("  ")]
    assert [line[2] for line in shown[:3]] == ["<", "=", ">"]


def test_the_model_translates_a_line_for_a_line(first: Done, shell: Shell) -> None:
    assert len(shell("translate", stdin=b"the old mill\n\na boat\n").lines) == 3


def test_aligned_files_gru_and_json(shell: Shell) -> None:
    arguments = (
        "--source source --target target -m gru "
        "--architecture gru --units 8 --embedding 8 --tokens word --separate --steps 2 --json -q"
    )
    done = shell("train-translate", *arguments.split())
    record = json.loads(done.text)
    assert (record["steps"], record["promoted"], done.err) == (2, True, "")
    assert json.loads((shell.folder / "checkpoints/gru/versions/000001/config.json").read_text())["model"] == {
        "architecture": "gru", "layers": 1, "units": 8, "embedding": 8, "attention": "additive", "tied": True,
        "tokens": "word", "joint": False, "lowercase": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pairs.tsv", "--source", "source"], 2, "give either PAIRS.tsv or --source and --target"),
        (["--source", "source"], 2, "give either PAIRS.tsv or --source and --target"),
        (["pairs.tsv", "--architecture", "rnn"], 2, "must be one of auto, transformer, hybrid, gru"),
        (["pairs.tsv", "--heads", "3"], 2, "--units 128: must be a multiple of twice --heads 3"),
        (["pairs.tsv", "--architecture", "gru", "--heads", "4"], 2, "--heads 4: --architecture gru has no such thing"),
        (
            ["pairs.tsv", "--architecture", "transformer", "--attention", "none"],
            2,
            "--attention none: --architecture transformer has no such thing",
        ),
        (
            ["pairs.tsv", "--attention", "none", "--heads", "4"],
            2,
            "--heads --attention: no architecture has all of these",
        ),
        (["pairs.tsv", "--tokens", "letters"], 2, "must be one of subword, word, char"),
        (["pairs.tsv", "--validation", "1.5"], 2, "must be a fraction between 0 and 1"),
        (["pairs.tsv", "--tokens", "word", "--subword-sampling", "0.2"], 2, "--tokens word has no subwords"),
        (["pairs.tsv", "--columns", "2"], 2, "--columns 2: name the column of the source and that of its translation"),
        (["numbers.tsv"], 65, "numbers.tsv: column 1 has hardly any words"),
        (["numbers.tsv", "--columns", "3,9"], 65, "numbers.tsv: line 1: no column 9 after a TAB"),
        (["missing.tsv"], 74, "missing.tsv: No such file"),
        (["pairs.tsv", "--longest", "1"], 2, "--longest 1: must be between 5 and 4096"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_line(shell: Shell, arguments: list[str], code: int, message: str) -> None:
    done = shell.here("train-translate", *arguments, "-m", "wrong", "--steps", "2", "-q", code=code)
    assert message in done.message
    assert done.out == b""
