"""Options that come from no flag: --config, variables of the environment, and the user's own file."""

import socket
import tomllib
from contextlib import chdir

import pytest
from cli.shell import Shell

ALPHABET = ["generate", "abc", "-m", "alphabet", "--seed", "1"]
TEMPERATURE = "RNNTEXT_GENERATE_TEMPERATURE"


def with_file(shell: Shell, content: str, **variables: str) -> Shell:
    """A shell of a user with an own file of options."""
    folder = shell.folder / "config" / "rnntext"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(content)
    kept = {name: value for name, value in shell.environment.items() if name != "RNNTEXT_CONFIG"}
    return Shell(shell.folder, {**kept, "XDG_CONFIG_HOME": str(shell.folder / "config"), **variables})


def with_variables(shell: Shell, **variables: str) -> Shell:
    return Shell(shell.folder, {**shell.environment, **variables})


def settings(shell: Shell, *arguments: str) -> dict[str, object]:
    return tomllib.loads(shell.here(*arguments, "--print-config").text)


def test_each_source_takes_precedence_over_the_next(shell: Shell) -> None:
    shell.write("settings.toml", "length = 4\n")
    user = with_file(shell, "[generate]\ntemperature = 0\nlength = 2\n\n[score]\nmodel = 'charlm'\n")
    assert user.here(*ALPHABET).text == "abcde\n"
    both = Shell(shell.folder, {**user.environment, "RNNTEXT_GENERATE_LENGTH": "3"})
    assert both.here(*ALPHABET).text == "abcdef\n"
    assert both.here(*ALPHABET, "--config", "settings.toml").text == "abcdefg\n"
    assert both.here(*ALPHABET, "--config", "settings.toml", "-n", "5").text == "abcdefgh\n"


def test_a_table_is_for_one_command(shell: Shell) -> None:
    user = with_file(shell, "[score]\nmodel = 'world'\nper-line = true\n")
    assert settings(user, "score")["model"] == ["world"]
    assert settings(user, "generate")["model"] != ["world"]


@pytest.mark.parametrize(
    ("variable", "value", "option", "expected"),
    [
        ("GENERATE_STOP", "a b", "stop", ["a b"]),
        ("GENERATE_MODEL", "world", "model", ["world"]),
        ("GENERATE_JSON", "1", "json", True),
        ("GENERATE_JSON", "no", "json", False),
        ("GENERATE_NO_ECHO", "true", "no-echo", True),
        ("TRAIN_CHARLM_FROM_SCRATCH", "1", "warm-start", False),
        ("TRAIN_CHARLM_FROM_SCRATCH", "0", "warm-start", True),
        ("GENERATE_LENGTH", "7", "length", 7),
        ("GENERATE_LENGTH", "", "length", None),  # as if it were not there
        ("TRAIN_CHARLM_TIME_LIMIT", "2m", "time-limit", 120),
        ("TRAIN_CHARLM_CELL", "lstm", "cell", "lstm"),
    ],
)
def test_a_variable_works_like_its_flag(shell: Shell, variable: str, value: str, option: str, expected: object) -> None:
    command = "train-charlm" if variable.startswith("TRAIN") else "generate"
    found = settings(with_variables(shell, **{f"RNNTEXT_{variable}": value}), command)
    assert found[option] == (settings(shell, command)[option] if expected is None else expected)


def test_variables_of_other_commands_and_programs_are_left_alone(shell: Shell) -> None:
    others = {"RNNTEXT_FOO": "1", "RNNTEXT_SCORE_FOO": "1", "RNNTEXT_FORECAST_LENGTH": "9", "RNNTEXTGENERATE_FOO": "1"}
    assert settings(with_variables(shell, **others), "generate") == settings(shell, "generate")


def test_print_config_says_where_a_value_comes_from(shell: Shell) -> None:
    shell.write("settings.toml", "count = 2\nseed = 5\n")
    user = with_file(shell, "[generate]\nlength = 2\n", RNNTEXT_GENERATE_TOP_K="3")
    printed = user.here("generate", "--config", "settings.toml", "--seed", "6", "--print-config").lines
    path = shell.folder / "config" / "rnntext" / "config.toml"
    assert f"length = 2  # from {path}: [generate]" in printed
    assert "top-k = 3  # from RNNTEXT_GENERATE_TOP_K" in printed
    assert "count = 2  # from --config settings.toml" in printed
    assert "seed = 6" in printed
    shell.write("again.toml", "\n".join(printed))
    assert settings(shell, "generate", "--config", "again.toml") == tomllib.loads("\n".join(printed))


# Errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[generate]\ntemperatur = 1", "FILE: [generate]: generate has no option 'temperatur'; did you mean"
         " temperature?"),
        ("[generate]\nfresh = true", "FILE: [generate]: generate has no option 'fresh'"),
        ("[generate]\nlength = [3]", "FILE: [generate]: length: give one value, not several"),
        ("[generate.length]\na = 3", "FILE: [generate]: length: give one value, not several"),
        ("[generat]\nlength = 3", "FILE: generat: options stand under the name of a command, as in [generate]; did you"
         " mean generate?"),
        ("[checkpoints]\nquiet = true",
         "FILE: checkpoints: options stand under the name of a command, as in [generate]"),
        ("length = 3", "FILE: length: options stand under the name of a command, as in [generate]"),
        ("generate = 3", "FILE: generate: options stand under the name of a command, as in [generate]"),
        ("[generate]\ntemperature = 'hot'",
         "Invalid value for '--temperature': 'hot' is not a valid float. (from FILE: [generate])"),
        ("[generate]\ntemperature = -1", "--temperature -1.0: must be between 0 and 100 (from FILE: [generate])"),
    ],
)  # fmt: skip
def test_an_error_names_the_file_and_the_key(shell: Shell, content: str, message: str) -> None:
    user = with_file(shell, content)
    path = str(shell.folder / "config" / "rnntext" / "config.toml")
    assert user.here(*ALPHABET, code=2).message == message.replace("FILE", path)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TEMPERATURE", "hot", f"Invalid value for '--temperature': 'hot' is not a valid float. (from {TEMPERATURE})"),
        ("TEMPERATURE", "-1", f"--temperature -1.0: must be between 0 and 100 (from {TEMPERATURE})"),
        (
            "TEMPERATUR",
            "1",
            "RNNTEXT_GENERATE_TEMPERATUR: generate has no option 'temperatur'; did you mean temperature?",
        ),
        ("CONFIG", "x", "RNNTEXT_GENERATE_CONFIG: generate has no option 'config'"),
    ],
)
def test_an_error_names_the_variable(shell: Shell, variable: str, value: str, message: str) -> None:
    found = with_variables(shell, **{f"RNNTEXT_GENERATE_{variable}": value}).here(*ALPHABET, code=2).message
    assert found == message


def test_an_error_names_the_file_of_config(shell: Shell) -> None:
    shell.write("settings.toml", "cell = 'lst'\n")
    message = shell.here("train-charlm", "--config", "settings.toml", code=2).message
    assert message.endswith(" (from --config settings.toml)")
    assert "from" not in shell.here("train-charlm", "--config", "settings.toml", "--cell", "lsm", code=2).message


# Where the user's own file is -----------------------------------------------------------------------------------------


def test_a_job_leaves_the_file_out_or_names_another(shell: Shell) -> None:
    user = with_file(shell, "[generate]\nlength = 2\n")
    shell.write("job.toml", "[generate]\nlength = 9\n")
    assert settings(user, "generate")["length"] == 2
    assert settings(with_variables(user, RNNTEXT_CONFIG=""), "generate") == settings(shell, "generate")
    assert settings(with_variables(user, RNNTEXT_CONFIG="job.toml"), "generate")["length"] == 9
    missing = with_variables(user, RNNTEXT_CONFIG="missing.toml").here("generate", code=74).message
    assert missing == "missing.toml: No such file or directory; RNNTEXT_CONFIG= (empty) leaves it out"


@pytest.mark.parametrize(("variable", "folder"), [("HOME", ".config"), ("XDG_CONFIG_HOME", ".")])
def test_the_file_lies_where_the_xdg_rules_say(shell: Shell, variable: str, folder: str) -> None:
    (shell.folder / folder / "rnntext").mkdir(parents=True)
    (shell.folder / folder / "rnntext" / "config.toml").write_text("[generate]\nlength = 2\n")
    kept = {
        name: value for name, value in shell.environment.items() if name not in ("RNNTEXT_CONFIG", "XDG_CONFIG_HOME")
    }
    user = Shell(shell.folder, {**kept, variable: str(shell.folder)})
    assert settings(user, "generate")["length"] == 2
    if variable == "HOME":  # a relative path does not count
        assert settings(with_variables(user, XDG_CONFIG_HOME="elsewhere"), "generate")["length"] == 2


def test_it_works_without_a_home(shell: Shell) -> None:
    gone = ("HOME", "XDG_CONFIG_HOME", "RNNTEXT_CONFIG")
    nobody = Shell(shell.folder, {name: value for name, value in shell.environment.items() if name not in gone})
    assert nobody("generate", "--version", code=2).message
    assert nobody("score", "--print-config").err == ""


def test_a_folder_in_its_place_is_told(shell: Shell) -> None:
    path = shell.folder / "config" / "rnntext" / "config.toml"
    path.mkdir(parents=True)
    kept = {name: value for name, value in shell.environment.items() if name != "RNNTEXT_CONFIG"}
    user = Shell(shell.folder, {**kept, "XDG_CONFIG_HOME": str(shell.folder / "config")})
    message = user.here("generate", code=74).message
    assert message == f"{path}: Is a directory; RNNTEXT_CONFIG= (empty) leaves it out"
    assert user.here("generate", "--help").err == ""


def test_a_file_that_is_not_toml_is_told(shell: Shell) -> None:
    message = with_file(shell, "length: 3\n").here("generate", code=2).message
    assert message.startswith(f"{shell.folder / 'config' / 'rnntext' / 'config.toml'}: not TOML: ")


def test_what_cannot_be_read_is_told_and_what_cannot_be_there_is_not(shell: Shell) -> None:
    user = with_file(shell, "")
    path = shell.folder / "config" / "rnntext" / "config.toml"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as unreadable, chdir(path.parent):  # not even for root, unlike a mode of 0
        unreadable.bind(path.name)
    message = user.here("generate", code=74).message
    assert message == f"{path}: No such device or address; RNNTEXT_CONFIG= (empty) leaves it out"
    file = shell.folder / shell.write("file", "")
    elsewhere = with_variables(user, XDG_CONFIG_HOME=str(file))
    assert settings(elsewhere, "generate") == settings(shell, "generate")


def test_without_a_file_nothing_is_read(shell: Shell) -> None:
    kept = {name: value for name, value in shell.environment.items() if name != "RNNTEXT_CONFIG"}
    user = Shell(shell.folder, {**kept, "XDG_CONFIG_HOME": str(shell.folder), TEMPERATURE: "0.5"})
    assert "tomllib" not in user.modules("generate", "--print-config")
