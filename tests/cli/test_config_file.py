"""--config and --print-config: flags go before the file, the file before the defaults."""

import tomllib

import pytest
from cli.shell import Shell

ALPHABET = ["generate", "abc", "-m", "alphabet", "--seed", "1"]


def test_flags_go_before_the_file_and_the_file_before_the_defaults(shell: Shell) -> None:
    shell.write("settings.toml", "length = 3\ntemperature = 0\n")
    assert shell.here(*ALPHABET, "--config", "settings.toml").text == "abcdef\n"
    assert shell.here(*ALPHABET, "--config", "settings.toml", "-n", "1").text == "abcd\n"
    assert shell.here(*ALPHABET, "-n", "1", "--config", "settings.toml").text == "abcd\n"
    printed = tomllib.loads(shell.here(*ALPHABET, "--config", "settings.toml", "-n", "1", "--print-config").text)
    assert (printed["length"], printed["temperature"], printed["count"]) == (1, 0.0, 1)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("no-echo = true", "defgh\n"),
        ("no_echo = true", "defgh\n"),
        ('stop = ["f"]', "abcde\n"),
        ('stop = "fg"', "abcde\n"),  # one text, not its letters
        ("stop = []", "abcdefgh\n"),
        ("stop = 5", "abcdefgh\n"),
        ('prompt = "vwxy"', "vwxyz\nabc\n"),
        ("count = 2", "abcdefgh\n-----\nabcdefgh\n"),
    ],
)
def test_a_setting_in_the_file_works_like_its_flag(shell: Shell, setting: str, expected: str) -> None:
    shell.write("settings.toml", f'length = 5\ntemperature = 0\nseed = 1\nmodel = "alphabet"\n{setting}\n')
    prompt = [] if "prompt" in setting else ["abc"]
    assert shell.here("generate", *prompt, "--config", "settings.toml").text == expected


def test_a_setting_is_called_what_its_flag_is_called(shell: Shell) -> None:
    shell.write("settings.toml", "json = true\n")
    assert shell.here(*ALPHABET, "-n", "2", "--config", "settings.toml").records[0]["prompt"] == "abc"
    assert tomllib.loads(shell.here("generate", "--json", "--print-config").text)["json"] is True


@pytest.mark.parametrize(("setting", "seconds"), [("120", 120), ('"2m"', 120), ("90.5", 90.5)])
def test_a_time_limit_in_the_file_may_be_a_number_of_seconds(shell: Shell, setting: str, seconds: float) -> None:
    shell.write("settings.toml", f"time-limit = {setting}\n")
    printed = shell.here("train-charlm", "--config", "settings.toml", "--print-config").text
    assert tomllib.loads(printed)["time-limit"] == seconds


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate"],
        ["generate", 'Zażółć "x" \\ 你\n\t😀', "--stop", "a", "--stop", 'b"', "--json", "-o", "x y.txt"],
        ["generate", "--top-k", "5", "--top-p", "0.5", "--min-p", "0.1", "--seed", "5", "-q", "--no-echo"],
        ["score", "a.txt", "-", "--per-line", "-v"],
        ["train-charlm"],
        ["train-translate"],
        ["train-translate", "--architecture", "gru", "--tokens", "char", "--units", "64"],
        ["train-charlm", "a.txt", "b.txt", "--time-limit", "2h", "--validation", "0.2", "--fresh", "--lowercase"],
    ],
    ids=" ".join,
)
def test_what_print_config_prints_can_be_fed_back(shell: Shell, arguments: list[str]) -> None:
    printed = shell.here(*arguments, "--print-config").text
    shell.write("settings.toml", printed)
    again = shell.here(arguments[0], "--config", "settings.toml", "--print-config").text
    assert tomllib.loads(again) == tomllib.loads(printed)


@pytest.mark.parametrize("command", ["train-charlm", "train-translate"])
def test_what_is_left_open_is_not_printed_but_its_size_is(shell: Shell, command: str) -> None:
    printed = tomllib.loads(shell.here(command, "--units", "32", "--print-config").text)
    assert (printed["size"], printed["units"]) == ("auto", 32)
    assert printed.keys() & {"layers", "embedding", "dropout", "vocabulary-size", "batch-tokens", "batch-size"} == set()


@pytest.mark.parametrize(("old", "now"), [("untied", "tied"), ("separate", "joint"), ("from-scratch", "warm-start")])
def test_a_setting_may_be_called_by_the_flag_that_switches_it_off(shell: Shell, old: str, now: str) -> None:
    for value in (True, False):
        shell.write("settings.toml", f"{old} = {str(value).lower()}\n")
        printed = tomllib.loads(shell.here("train-translate", "--config", "settings.toml", "--print-config").text)
        assert printed[now] is not value


def test_print_config_runs_nothing(shell: Shell) -> None:
    shell("train-charlm", "missing.txt", "--print-config", RNNTEXT_CHECKPOINTS=str(shell.folder / "none"))
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('prompt = ["a"]', "prompt: give one value, not several"),
        ("length = [3]", "length: give one value, not several"),
        ("temperature.low = 1", "temperature: give one value, not several"),
        ("no-echo = [true]", "no-echo: give one value, not several"),
        ('stop = [["f"]]', "stop: give one value or a list of them"),
        ("[generate]\nlength = 3", "leave out the line [generate]; options stand under no heading"),
    ],
)
def test_a_list_where_one_value_belongs_is_refused(shell: Shell, setting: str, message: str) -> None:
    shell.write("settings.toml", setting + "\n")
    assert shell.here("generate", "--config", "settings.toml", code=2).message == f"--config settings.toml: {message}"


@pytest.mark.parametrize("utf_8", ["0", "1"])
def test_print_config_writes_utf_8_whatever_the_locale(shell: Shell, utf_8: str) -> None:
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": utf_8}
    printed = shell(*ALPHABET, "--stop", "Zażółć", "-o", "你.txt", "-n", "3", "--print-config", **locale).text
    assert (tomllib.loads(printed)["stop"], tomllib.loads(printed)["output"]) == (["Zażółć"], "你.txt")
    shell.write("settings.toml", printed)
    shell("generate", "--config", "settings.toml", **locale)
    assert len((shell.folder / "你.txt").read_text()) == len("abc???\n")


def test_print_config_refuses_what_toml_cannot_hold(shell: Shell) -> None:
    message = shell("score", b"\xff.txt", "--print-config", code=2).message
    assert message == '--print-config: ["\\udcff.txt"]: TOML can hold nothing but UTF-8'
