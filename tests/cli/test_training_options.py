"""All training commands share the options that say how a job runs and what becomes of it."""

import dataclasses

import pytest
import typer.main

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
