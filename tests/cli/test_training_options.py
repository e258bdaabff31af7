"""All training commands share the options that say how a job runs and what becomes of it."""

import dataclasses

import pytest
import typer.main
from cli.shell import Shell

from rnntext.cli.app import program
from rnntext.cli.command import build, parameters
from rnntext.cli.training import _shared
from rnntext.settings.training import JobConfig

COMMANDS = {
    name: command
    for name, command in typer.main.get_command(program()).commands.items()  # type: ignore[attr-defined]
    if name.startswith("train-")
}
FIELDS = [field for field in dataclasses.fields(JobConfig) if field.name != "command"]


def test_there_are_training_commands() -> None:
    assert {"train-charlm", "train-translate"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_setting_of_a_job_is_an_option_with_the_default_of_its_config(name: str) -> None:
    options = {parameter.name: parameter for parameter in COMMANDS[name].params}
    found = {field.name: options[field.name].default for field in FIELDS}
    assert found == {field.name: field.default for field in FIELDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_training_command_has_the_shared_options_in_the_same_words(name: str) -> None:
    alone = build(parameters(_shared), "", (), lambda arguments, values: None)
    expected = {parameter for parameter in alone.__signature__.parameters if parameter != "context"}  # type: ignore[attr-defined]
    shared = [parameter for parameter in COMMANDS[name].params if parameter.name in expected]
    first = [parameter for parameter in next(iter(COMMANDS.values())).params if parameter.name in expected]
    assert {parameter.name for parameter in shared} == expected
    assert [(p.opts, p.help) for p in shared] == [(p.opts, p.help) for p in first]
    assert all(parameter.help for parameter in shared)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["--patience", "--schedule", "--warmup", "--learning-rate", "--epochs", "--seed"])
def test_every_training_command_has_every_option_that_the_loop_obeys(name: str, option: str) -> None:
    assert option in {flag for parameter in COMMANDS[name].params for flag in parameter.opts}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--units", "abc"], 2), (["--unitz", "3"], 2), (["--units", "0"], 2), (["--config", "missing.toml"], 74)],
)
def test_a_wrong_command_line_is_a_failure_in_the_metrics_file(shell: Shell, arguments: list[str], code: int) -> None:
    command = ["train-charlm", "text.txt", "-m", "nightly", "--metrics-file", "m.prom"]
    shell.write("m.prom", 'rnntext_version{model="nightly"} 4\nrnntext_failed{model="nightly"} 0\n')
    shell.here(*command, *arguments, code=code)
    lines = (shell.folder / "m.prom").read_text().splitlines()
    assert 'rnntext_failed{model="nightly"} 1' in lines
    assert 'rnntext_version{model="nightly"} 4' in lines
