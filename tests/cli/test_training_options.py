"""All training commands share the options that say how a job runs and what becomes of it."""

import dataclasses

import pytest
import typer.main

from rnntext.cli.app import program
from rnntext.cli.training import _shared
from rnntext.config import JobConfig

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
def test_the_shared_options_end_every_training_command_in_the_same_words(name: str) -> None:
    shared = [parameter for parameter in COMMANDS[name].params if parameter.name in _shared.__annotations__]
    first = next(iter(COMMANDS.values()))
    expected = [parameter for parameter in first.params if parameter.name in _shared.__annotations__]
    assert [(p.opts, p.help) for p in shared] == [(p.opts, p.help) for p in expected]
    assert all(parameter.help for parameter in shared)
