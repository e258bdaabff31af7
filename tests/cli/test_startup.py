"""Start-up is light: what is not needed is not imported."""

import subprocess
import sys
from collections.abc import Container

import pytest
import typer.main
from cli.shell import CLEAN, Shell
from helpers import save_translator, shifting_weights

from rnntext.cli.app import NAMES, program

HEAVY = {"tensorflow", "keras", "numpy"}
# What is not needed before a command runs, nor, but for the last line, by one that uses a model.
NEEDLESS = {
    "prompt_toolkit",
    *("pydantic", "pydantic_core", "click", "rich", "matplotlib", "sacrebleu", "ctranslate2", "tensorboard"),
    *("onnx", "onnxruntime"),
    *("asyncio", "email", "http", "multiprocessing", "socket", "ssl", "tarfile", "tomllib", "zipfile"),
    *("safetensors", "sentencepiece", "threadpoolctl", "ctypes", "hashlib"),
}
USED = {"safetensors", "threadpoolctl", "ctypes", "hashlib"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["generate", "--help"], 0),
        (["train-charlm", "--help"], 0),
        (["corpora", "--help"], 0),
        (["report", "--help"], 0),
        (["frobnicate"], 2),
        (["generate", "--frobnicate"], 2),
        (["generate", "--temperature", "-1"], 2),
        (["generate", "--length", "many"], 2),
        (["train-charlm", "--units", "0"], 2),
        (["train-charlm", "--time-limit", "soon"], 2),
        (["generate", "--config", "missing.toml"], 74),
        (["train-charlm", "--print-config"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_help_version_and_usage_errors_load_nothing_heavy(shell: Shell, arguments: list[str], code: int) -> None:
    needless = NEEDLESS - {"tomllib"} if "--config" in arguments else NEEDLESS
    assert shell.modules(*arguments, code=code) & (HEAVY | needless) == set()


def test_all_commands_are_listed_and_only_the_one_asked_for_is_imported() -> None:
    code = """
import sys, typer
from rnntext.cli.app import NAMES, program
known = typer.main.get_command(program(["generate", "-n", "3"])).commands
assert set(known) == NAMES, set(known) ^ NAMES
assert known["generate"].params and not known["translate"].params
print(*sorted(name for name in sys.modules if name.startswith("rnntext.cli.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=CLEAN)
    wanted = ["app", "command", "console", "defaults", "generate", "options", "surprise"]
    assert (done.stdout.split(), done.stderr) == ([f"rnntext.cli.{name}" for name in wanted], "")


def test_the_list_of_commands_says_the_same_whichever_is_asked_for() -> None:
    def listed(asked: Container[str]) -> dict[str, str]:
        commands = typer.main.get_command(program(asked)).commands  # type: ignore[attr-defined]
        return {name: command.get_short_help_str(80) for name, command in commands.items()}

    assert listed(NAMES) == listed([])
    assert listed([])["generate"] == "Continue a text."
    assert listed([])["corpora"] == "List, print and fetch the corpora that are known by name."


@pytest.mark.parametrize(
    "line", ["gen", "checkpoints show ", "generate --version ", "train-charlm --cell ", "score va"]
)
def test_completion_loads_nothing_but_what_it_reads(shell: Shell, line: str) -> None:
    needless = NEEDLESS - {"tomllib"} if line == "score va" else NEEDLESS
    asked = {"_RNNTEXT_COMPLETE": f"rnntext {line}"}
    assert len(shell(**asked).lines) > 1
    assert shell.modules(**asked) & (HEAVY | needless | {"typer"}) == set()


@pytest.mark.parametrize(
    "command",
    [
        "generate -n 3 -q",
        "generate -n 3 -q --json --count 2",
        "score",
        "score --per-line",
        "checkpoints list",
        "report charlm",
    ],
)
def test_using_a_model_loads_no_tensorflow(shell: Shell, command: str) -> None:
    assert shell.modules(*command.split(), stdin=b"The\n") & (HEAVY | NEEDLESS - USED) == {"numpy"}


def test_translating_a_line_loads_no_more(shell: Shell) -> None:
    save_translator(shell.folder / "shifting", *shifting_weights())
    loaded = shell.modules("translate", "-m", "./shifting", stdin=b"hal\n")
    assert loaded & (HEAVY | NEEDLESS - USED) == {"numpy"}


@pytest.mark.parametrize(("source", "code"), [("missing.txt", 74), ("empty.txt", 65)])
def test_a_training_that_cannot_begin_loads_no_tensorflow(shell: Shell, source: str, code: int) -> None:
    shell.write("empty.txt", "")
    loaded = shell.modules("train-charlm", source, code=code, RNNTEXT_CHECKPOINTS=str(shell.folder))
    assert loaded & {"tensorflow", "keras"} == set()
