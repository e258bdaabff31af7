"""Where a command runs: cron's bare environment, any folder, a home that cannot be written to."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from cli.shell import PROGRAM, Shell

PROMPT = "Zażółć 你好 😀"
READ_ONLY = "/proc"  # nobody can write there, root included


def bare(shell: Shell, *arguments: str | bytes, **variables: str) -> bytes:
    """stdout of a command that has no environment but PATH, a locale and where the models are."""
    variables = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **variables}
    models = shell.environment["RNNTEXT_CHECKPOINTS"]
    return Shell(shell.folder, {**variables, "RNNTEXT_CHECKPOINTS": models}).run([*PROGRAM, *arguments]).out


@pytest.mark.parametrize(
    "variables",
    [{}, {"LC_ALL": "POSIX"}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["C", "POSIX", "C without Python's help"],
)
def test_in_the_c_locale_text_is_utf_8_all_the_same(shell: Shell, variables: dict[str, str]) -> None:
    arguments = ["generate", PROMPT, "-m", "world", "-n", "60", "--seed", "1"]
    expected = shell(*arguments).out
    assert expected.startswith(PROMPT.encode())
    assert bare(shell, *arguments, **variables) == expected
    assert PROMPT in bare(shell, *arguments, "--json", **variables).decode()


def test_in_the_c_locale_files_with_odd_names_are_found_and_named(shell: Shell) -> None:
    names = [shell.write("zażółć 你.txt", "The\n"), shell.write("b.txt", "The\n")]
    assert bare(shell, "score", *names).decode().startswith("zażółć 你.txt: ")


def test_the_locale_changes_no_number(shell: Shell) -> None:
    assert bare(shell, "score", shell.write("a.txt", "The miller\n")) == shell("score", "a.txt").out


def test_models_are_found_from_another_folder(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    arguments = ["generate", "The ", "-n", "20", "--seed", "1"]
    elsewhere = Shell(tmp_path_factory.mktemp("elsewhere"), shell.environment)
    assert elsewhere(*arguments).out == shell(*arguments).out


def test_a_name_lies_under_checkpoints_and_a_path_where_it_says(shell: Shell, models: Path) -> None:
    shutil.copytree(models / "alphabet", shell.folder / "checkpoints" / "mine")
    home = Shell(shell.folder, {n: v for n, v in shell.environment.items() if n != "RNNTEXT_CHECKPOINTS"})
    for model in ("mine", "checkpoints/mine", "./checkpoints/mine/", str(shell.folder / "checkpoints" / "mine")):
        assert home("generate", "ab", "-n", "3", "--temperature", "0", "--seed", "1", "-m", model).text == "abcde\n"


def test_nothing_is_written_outside_a_read_only_home_and_folder(shell: Shell) -> None:
    variables = {"HOME": READ_ONLY, "XDG_CACHE_HOME": READ_ONLY, "TMPDIR": READ_ONLY, "PYTHONDONTWRITEBYTECODE": "1"}
    found = Shell(Path(READ_ONLY), {**shell.environment, **variables})
    assert found("generate", "ab", "-n", "3", "--temperature", "0", "--seed", "1", "-m", "alphabet").text == "abcde\n"
    assert found("score", stdin="The\n").out == shell("score", stdin="The\n").out


def test_a_home_without_write_permission_is_no_obstacle(shell: Shell) -> None:
    home = shell.folder / "home"
    home.mkdir(mode=0o555)
    assert shell("generate", "-n", "3", "-q", HOME=str(home)).lines
    assert list(home.iterdir()) == []


def test_using_a_model_changes_nothing_in_its_folder(shell: Shell, models: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in models.rglob("*")}

    before = state()
    shell("generate", "-n", "3", "-q")
    shell("score", stdin="The\n")
    assert state() == before


def test_colours_and_control_characters_never_reach_a_pipe(shell: Shell) -> None:
    for arguments in (["--help"], ["generate", "--help"], ["corpora", "list"]):
        assert b"\x1b" not in shell(*arguments, FORCE_COLOR="1", TERM="xterm-256color").out


@pytest.mark.skipif(not os.path.exists(f"{sys.prefix}/bin/rnntext"), reason="installed without its script")
def test_the_installed_script_does_what_the_module_does(shell: Shell) -> None:
    assert shell.run([f"{sys.prefix}/bin/rnntext", "--version"]).out == shell("--version").out
