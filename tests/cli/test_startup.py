"""Start-up is light: what is not needed is not imported."""

import pytest
from cli.shell import Shell

HEAVY = {"tensorflow", "keras", "numpy"}
COMPLETION = {"_RNNTEXT_COMPLETE": "complete_bash", "COMP_WORDS": "rnntext gen", "COMP_CWORD": "1"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["generate", "--help"], 0),
        (["train-charlm", "--help"], 0),
        (["corpora", "--help"], 0),
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
    assert shell.modules(*arguments, code=code) & HEAVY == set()


def test_completion_works_and_loads_nothing_heavy(shell: Shell) -> None:
    assert "generate" in shell(**COMPLETION).text
    assert shell.modules(**COMPLETION) & HEAVY == set()


@pytest.mark.parametrize(
    "command", ["generate -n 3 -q", "generate -n 3 -q --json --count 2", "score", "score --per-line"]
)
def test_using_a_model_loads_no_tensorflow(shell: Shell, command: str) -> None:
    assert shell.modules(*command.split(), stdin=b"The\n") & HEAVY == {"numpy"}


@pytest.mark.parametrize(("source", "code"), [("missing.txt", 74), ("empty.txt", 65)])
def test_a_training_that_cannot_begin_loads_no_tensorflow(shell: Shell, source: str, code: int) -> None:
    shell.write("empty.txt", "")
    loaded = shell.modules("train-charlm", source, code=code, RNNTEXT_CHECKPOINTS=str(shell.folder))
    assert loaded & {"tensorflow", "keras"} == set()
