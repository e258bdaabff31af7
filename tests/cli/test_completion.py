"""Completion: rnntext says what may come next on a command line, and the scripts for shells type it."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import typer.main
from cli.shell import Shell, read_until
from cli.terminal import on_terminal

from rnntext.cli.app import NAMES, program
from rnntext.cli.completion import FILES, FOLDERS, PLAIN, split
from rnntext.cli.completion_script import SHELLS
from rnntext.text.catalogue import corpora

CORPORA = [corpus.name for corpus in corpora()]
VALLEY = [name for name in CORPORA if name.startswith("va")]


def asked(shell: Shell, line: str) -> tuple[str, list[str]]:
    """What the shell completes by itself, and the words that may come next."""
    there = Shell(shell.folder, {**shell.environment, "_RNNTEXT_COMPLETE": line})
    kind, *words = there.here().lines
    return kind, [word.split("\t")[0] for word in words]


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("rnntext gen", PLAIN, ["generate"]),
        ("rnntext checkpoints ro", PLAIN, ["rollback"]),
        ("rnntext --vers", PLAIN, ["--version"]),
        ("rnntext generate --temp", PLAIN, ["--temperature"]),
        ("rnntext generate --he", PLAIN, ["--help"]),
        ("rnntext generate --seed 1 --see", PLAIN, []),  # it has been given
        ("rnntext generate --stop a --sto", PLAIN, ["--stop"]),  # it may be given several times
        ("rnntext train-translate --no-warm", PLAIN, []),
        ("rnntext train-translate --from-s", PLAIN, ["--from-scratch"]),
        # Choices.
        ("rnntext train-charlm --cell ", PLAIN, ["rnn", "lstm", "gru"]),
        ("rnntext train-charlm --cell=l", PLAIN, ["lstm"]),
        ("rnntext train-charlm --size s", PLAIN, ["small"]),
        ("rnntext train-translate --architecture h", PLAIN, ["hybrid"]),
        ("rnntext checkpoints export charlm --to k", PLAIN, ["keras"]),
        ("rnntext evaluate --tokenize 1", PLAIN, ["13a"]),
        ("rnntext ladder syn", FILES, ["synthetic"]),
        ("rnntext completion f", PLAIN, ["fish"]),
        # Models and versions.
        ("rnntext generate -m a", FOLDERS, ["alphabet"]),
        ("rnntext generate --model=w", FOLDERS, ["world"]),
        ("rnntext train-charlm --teacher in", FOLDERS, ["in-service"]),
        ("rnntext checkpoints show ", FOLDERS, ["alphabet", "charlm", "hungry", "replaced", "world"]),
        ("rnntext checkpoints show charlm ", PLAIN, ["000001"]),
        ("rnntext generate -m world --version ", PLAIN, ["000001"]),
        ("rnntext generate --version ", PLAIN, ["000001"]),
        ("rnntext generate -m none --version ", PLAIN, []),
        # Corpora and files.
        ("rnntext corpora show va", PLAIN, VALLEY),
        ("rnntext train-charlm va", FILES, VALLEY),
        ("rnntext train-charlm one.txt va", FILES, VALLEY),
        ("rnntext score -m charlm va", FILES, VALLEY),
        ("rnntext train-translate --validation grammar-h", FILES, ["grammar-heldout"]),
        ("rnntext evaluate a grammar-h", FILES, ["grammar-heldout"]),
        ("rnntext forecast ", FILES, []),
        ("rnntext score -o ", FILES, []),
        ("rnntext score --config ", FILES, []),
        ("rnntext train-charlm --tensorboard ", FOLDERS, []),
        # Where nothing is known, and nothing is to be guessed.
        ("rnntext generate ", PLAIN, []),
        ("rnntext generate --seed ", PLAIN, []),
        ("rnntext generate -- --temp", PLAIN, []),
        ("rnntext generate --json=", PLAIN, []),
        ("rnntext generate --frobnicate ", PLAIN, []),
        ("rnntext", PLAIN, []),
        ("", PLAIN, list(NAMES)),
        ("rnntext evaluate - grammar-h", FILES, ["grammar-heldout"]),
        ("rnntext checkpoints unpack - a", FOLDERS, ["alphabet"]),
        ("rnntext frobnicate ", PLAIN, list(NAMES)),
        ("rnntext generate 'The mill --temp", PLAIN, []),
        ('rnntext generate "The mill" --temp', PLAIN, ["--temperature"]),
    ],
)
def test_what_may_come_next(shell: Shell, line: str, kind: str, words: list[str]) -> None:
    assert VALLEY
    found = asked(shell, line)
    assert (found[0], sorted(found[1])) == (kind, sorted(words))


def test_every_choice_that_an_option_checks_is_offered(shell: Shell) -> None:
    checked = 0
    for name, command in typer.main.get_command(program()).commands.items():  # type: ignore[attr-defined]
        for parameter in command.params:
            choices = str(parameter.metavar).split("|")
            if parameter.param_type_name == "option" and parameter.default in choices:
                assert set(choices) == set(asked(shell, f"rnntext {name} {parameter.opts[0]} ")[1])
                checked += 1
    assert checked > 20


def test_all_corpora_and_their_descriptions_are_told(shell: Shell) -> None:
    there = Shell(shell.folder, {**shell.environment, "_RNNTEXT_COMPLETE": "rnntext corpora get "})
    assert there.here().lines[1:] == [f"{corpus.name}\t{corpus.about}" for corpus in corpora()]


def test_names_that_scripts_cannot_read_are_left_out(shell: Shell, models: Path) -> None:
    for name in ("two words", "zażółć", "line\nbreak", "escape\x1b"):
        shutil.copytree(models / "charlm", shell.folder / "checkpoints" / name)
    home = Shell(shell.folder, {**shell.environment, "RNNTEXT_CHECKPOINTS": "checkpoints"})
    assert asked(home, "rnntext generate -m ") == (FOLDERS, ["two words", "zażółć"])
    assert asked(home, "rnntext generate -m two\\ w") == (FOLDERS, ["two words"])
    assert asked(home, "rnntext generate -m 'two w") == (FOLDERS, ["two words"])


def test_trouble_is_one_line_and_no_answer(shell: Shell) -> None:
    done = shell(_RNNTEXT_COMPLETE="rnntext score -m . --version ", code=1)
    assert (done.out, done.message) == (b"", "--model '.': give a name or a folder")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rnntext ", ["rnntext", ""]),
        ("rnntext 'a b", ["rnntext", "a b"]),
        ('rnntext "a b" c\\ d', ["rnntext", "a b", "c d"]),
        ("rnntext a#b # ", ["rnntext", "a#b", "#", ""]),
        ('rnntext "a" ', ["rnntext", "a", ""]),
    ],
)
def test_a_line_is_split_as_a_shell_does(line: str, words: list[str]) -> None:
    before, start = split(line)
    assert [*before, start] == words


def test_a_shell_without_a_script_is_refused(shell: Shell) -> None:
    message = shell.here("completion", "tcsh", code=2).message
    assert message == "no completion for 'tcsh'; give one of bash, zsh, fish"


# Real shells ----------------------------------------------------------------------------------------------------------

BEGIN = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(rnntext completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(rnntext completion zsh)"'),
    "fish": (["fish", "--no-config", "-i"], "rnntext completion fish | source"),
}


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("rnntext gen\t-m alp\tabc --temp\t0 -n 3", "abcdef"),
        ("rnntext gen\tabc --model=alp\t--temp\t0 -n 3", "abcdef"),
        ("rnntext gen\tabc -m ./mod\talph\t --temp\t0 -n 3", "abcdef"),  # a folder
        ("rnntext checkp\tsho\talph\t0\t| head -n 1", "version: 000001"),
        ("rnntext sco\t-m alp\t--per-l\tone.t\t", "0.0000"),  # a file, beside names of corpora
        ("rnntext corp\tpat\tvall\t", "valley.txt"),
    ],
)
def test_a_shell_completes(shell: Shell, models: Path, name: str, typed: str, shown: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    shutil.copytree(models, shell.folder / "models")
    shell.write("one.txt", "abcd")
    path = f"{Path(sys.executable).parent}:{shell.environment['PATH']}"
    there = Shell(shell.folder, {**shell.environment, "PATH": path, "HOME": str(shell.folder)})
    command, begin = BEGIN[name]
    with on_terminal(command, there) as (_, keys):
        os.write(keys, f"{begin}; echo be''gun\n".encode())
        read_until(keys, b"begun")
        os.write(keys, f"{typed}; echo do''ne\n".encode())
        seen = read_until(keys, b"done")
    assert shown in seen.decode(errors="replace")
