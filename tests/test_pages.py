"""The pages under docs/: every command that they show runs.

A block ```sh on a page is run in a folder that holds `corpora/` of the repository; a block ```text after it is what it
printed. A page that goes on with files and models of another one says so: `<!-- after: ../tutorials/terminal.md -->`.

    .venv/bin/python tests/test_pages.py HOME docs/tutorials/terminal.md ...

runs pages in full in folders under HOME, which is new, each after the page that it goes on with, and writes the outputs
that they show anew.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cli.shell import CLEAN, Shell

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```sh\n(?P<commands>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.MULTILINE | re.DOTALL)
AFTER = re.compile(r"<!-- after: (\S+) -->")
EXECUTED = [path for path in sorted(DOCS.rglob("*.md")) if BLOCK.search(path.read_text(encoding="utf-8"))]
SHELL_SIGNS = re.compile(r"[|<>&;$`*?(){}\\]")
# What the tests' own options are, where a page leaves them open: a user's may stand in such a file, too.
SMALL = """
[train-charlm]
steps = 2
promote = "always"
units = 16
layers = 1
embedding = 8
batch-size = 4
window = 8
[train-translate]
steps = 2
promote = "always"
units = 16
layers = 1
embedding = 8
architecture = "gru"
tokens = "word"
batch-tokens = 200
[train-forecast]
steps = 2
units = 4
layers = 1
window = 24
[ladder]
epochs = 1
batch-size = 4096
window = 4
[translate]
beam = 1
max-length = 4
[evaluate]
beam = 1
max-length = 4
"""


def before(page: Path) -> Path | None:
    """The page whose files and models a page goes on with; it has none if it begins in an empty folder."""
    needed = AFTER.search(page.read_text(encoding="utf-8"))
    return (page.parent / needed[1]).resolve() if needed else None


def folder_of(page: Path, home: Path) -> Path:
    """The folder that a page is run in, which is made if it is not there."""
    needed = before(page)
    if needed:
        return folder_of(needed, home)
    folder = home / page.stem
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "corpora").exists():
        (folder / "corpora").symlink_to(ROOT / "corpora")
    return folder


def surroundings() -> dict[str, str]:
    """The environment of a page's commands."""
    return {**CLEAN, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}


class Pages:
    """Pages that are run, each once and in small."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ran: list[Path] = []
        (home / "small.toml").write_text(SMALL)

    def run(self, page: Path) -> None:
        needed = before(page)
        if needed:
            self.run(needed)
        if page in self.ran:
            return
        self.ran.append(page)
        shell = Shell(folder_of(page, self.home), {**surroundings(), "RNNTEXT_CONFIG": str(self.home / "small.toml")})
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            printed = run_small(block["commands"], shell)
            assert messages(block["output"] or "") <= messages(printed)


def run_small(commands: str, shell: Shell) -> str:
    """Runs a block and returns what it printed; its trainings run in this process, where TensorFlow is loaded."""
    printed = ""
    for part in re.split(r"^(rnntext (?:train-|ladder)[^#\n]*)\n", commands, flags=re.MULTILINE):
        if part.startswith(("rnntext train-", "rnntext ladder")) and not SHELL_SIGNS.search(part):
            done = shell.here(*shlex.split(part)[1:])
        elif part.strip():
            done = shell.run(["bash", "-e", "-c", part])
            if "||" not in part:  # `head` may end a pipe early, so that the exit code is the last command's alone
                assert not re.search(r"^rnntext: ", done.err, re.MULTILINE), done.err
        else:
            continue
        printed += done.text + done.err
    return printed


def messages(output: str) -> set[str]:
    """The messages in an output, without what differs between models: numbers, stars, a duration's unit, the size that
    was chosen, and why."""
    lines = re.findall(r"^(?:checkpoints/|rnntext: |exit code |try|training |step |size ).*", output, re.MULTILINE)
    varying = r"\(.*| in [\d.]+ (?:s|min|h)\b|[\d.,:]+(?!\w)|\?|\*|(?<=size )(?!of)\w+"
    return {" ".join(re.sub(varying, "", line).split()) for line in lines}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return Pages(tmp_path_factory.mktemp("pages"))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("page", EXECUTED, ids=lambda path: str(path.relative_to(DOCS)))
def test_the_commands_of_a_page_run(page: Path, pages: Pages) -> None:
    pages.run(page)


def test_the_pages_show_commands() -> None:
    assert len(EXECUTED) >= 3


def record(page: Path, folder: Path) -> None:
    """Runs a page as its readers would, and writes the outputs that it shows anew."""

    def run(block: re.Match[str]) -> str:
        command = ["bash", "-e", "-c", block["commands"]]
        done = subprocess.run(
            command, cwd=folder, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        print(f"$ {block['commands']}{done.stdout}", flush=True)
        done.check_returncode()
        output = f"\n```text\n{done.stdout}```\n" if block["output"] is not None else ""
        return f"```sh\n{block['commands']}```\n{output}"

    page.write_text(BLOCK.sub(run, page.read_text(encoding="utf-8")), encoding="utf-8")


def main(home: str, *pages: str) -> None:
    """Records pages, each after the one that it goes on with."""
    recorded: list[Path] = []

    def visit(page: Path) -> None:
        needed = before(page)
        if needed:
            visit(needed)
        if page not in recorded:
            recorded.append(page)
            record(page, folder_of(page, Path(home).resolve()))

    for page in pages:
        visit(Path(page).resolve())


if __name__ == "__main__":
    main(*sys.argv[1:])
