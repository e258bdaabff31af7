"""Installed from the repository into a fresh environment, without extras: everything works but training."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.shell import CLEAN, Shell

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script `rnntext` of a fresh environment."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, env=CLEAN)
    install = [sys.executable, "-m", "pip", "--python", folder / "venv", "install", "--quiet", ROOT]
    done = subprocess.run(install, cwd=folder, env=CLEAN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "venv" / "bin" / "rnntext"


@pytest.fixture
def command(program: Path) -> list[str]:
    return [str(program)]


def site_packages(program: Path) -> Path:
    (found,) = (program.parents[1] / "lib").glob("python*/site-packages")
    return found


def test_tensorflow_is_not_there_and_the_package_is_a_copy(program: Path) -> None:
    assert not (site_packages(program) / "tensorflow").exists()
    assert (site_packages(program) / "rnntext" / "__main__.py").is_file()


def test_help_and_version_work(command: list[str], shell: Shell) -> None:
    assert "train-charlm" in shell.run([*command, "--help"]).text
    assert shell.run([*command, "--version"]).out == shell("--version").out


def test_generate_and_score_give_the_same_as_with_tensorflow_installed(command: list[str], shell: Shell) -> None:
    arguments = ["generate", "The ", "-n", "50", "--seed", "1"]
    assert shell.run([*command, *arguments]).out == shell(*arguments).out
    assert shell.run([*command, "score"], stdin="The miller\n").out == shell("score", stdin="The miller\n").out


def test_the_bundled_corpus_comes_with_the_wheel(command: list[str], program: Path, shell: Shell) -> None:
    assert shell.run([*command, "corpora", "list"]).lines[0].startswith("valley\t")
    assert shell.run([*command, "corpora", "show", "valley"]).out == (ROOT / "corpora" / "valley.txt").read_bytes()
    path = Path(shell.run([*command, "corpora", "path", "valley"]).text.removesuffix("\n"))
    assert path.is_relative_to(site_packages(program))


def test_the_wheel_brings_its_licence_and_the_corpora_theirs(program: Path) -> None:
    assert "CC0" in (site_packages(program) / "rnntext" / "corpora" / "README.md").read_text()
    assert list(site_packages(program).glob("rnntext-*.dist-info/licenses/LICENSE"))


def test_the_wheel_brings_a_manual_page_and_completion(command: list[str], program: Path, shell: Shell) -> None:
    shared = program.parents[1] / "share"
    assert (shared / "man" / "man1" / "rnntext.1").read_bytes() == (ROOT / "docs" / "rnntext.1").read_bytes()
    script = (shared / "bash-completion" / "completions" / "rnntext").read_bytes()
    assert shell.run([*command, "completion", "bash"]).out == script
    assert shell.run(command, _RNNTEXT_COMPLETE="rnntext gen").lines == ["plain", "generate\tContinue a text."]


@pytest.mark.parametrize("options", [[], ["--json"], ["-q"]], ids=" ".join)
def test_training_says_in_one_line_what_to_install(command: list[str], shell: Shell, options: list[str]) -> None:
    home = str(shell.folder)
    done = shell.run([*command, "train-charlm", "--steps", "3", *options], code=2, RNNTEXT_CHECKPOINTS=home)
    assert "pip install 'rnntext[train]'" in done.message
    assert done.out == b""


def test_the_python_interface_loads_a_model(program: Path, models: Path, shell: Shell) -> None:
    code = "import rnntext, json; print(json.dumps(rnntext.load('charlm').score('The')))"
    python = str(program.with_name("python"))
    bits, characters = json.loads(shell.run([python, "-c", code], cwd=models, PATH=os.defpath).text)
    assert (bits > 0, characters) == (True, 3)
