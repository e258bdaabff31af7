"""What the README tells people to type works."""

import re
import shlex
from pathlib import Path

import pytest
from cli.shell import CLEAN, Shell

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (rnntext [^#\n]*?) *(?:#.*)?$", README, re.MULTILINE)


def test_the_readme_opens_with_the_two_set_up_commands() -> None:
    assert re.findall(r"^    (make \w+)", README, re.MULTILINE)[:2] == ["make demo", "make test"]


def test_every_make_target_of_the_readme_exists() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"^    make (\w+)", README, re.MULTILINE)) <= set(targets)


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_understood(command: str) -> None:
    words = shlex.split(re.split(r"[|<]", command)[0])[1:]
    check = "--help" if words[0] in ("corpora", "checkpoints") else "--print-config"
    assert Shell(ROOT, CLEAN).here(*words, check).err == ""


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_a_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
