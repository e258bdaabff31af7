"""What the README tells people to type works."""

import re
import shlex
from pathlib import Path

import pytest
from cli.shell import CLEAN, Shell

from rnntext.version import __version__

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


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_changelog_begins_with_this_version_and_names_options_that_exist() -> None:
    newest = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    assert newest.startswith(f"[{__version__}]")
    added, removed = newest.split("### Removed")
    help_page = (ROOT / "docs" / "help.md").read_text(encoding="utf-8")
    known = set(re.findall(r"(?<![\w-])--[a-z-]+", help_page))
    assert set(re.findall(r"--[a-z-]+", added)) <= known
    assert not set(re.findall(r"--[a-z-]+", removed)) & known
