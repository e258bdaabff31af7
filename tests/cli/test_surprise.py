"""What a model thinks of each character and token: numbers in a pipe, colours on a terminal."""

import json
import math
import re
from pathlib import Path

import pytest
from cli.shell import PROGRAM, Shell
from cli.terminal import on_terminal, to_the_end
from helpers import save_translator, shifting_log_probability, shifting_weights

import rnntext
from rnntext.cli.surprise import coloured, escaped
from rnntext.jobs.characters import CharacterModel

YELLOW, RED, ON_RED, UNDERLINED, PLAIN = "\x1b[33m", "\x1b[31m", "\x1b[97;41m", "\x1b[4m", "\x1b[0m"


@pytest.fixture(scope="module")
def model(models: Path) -> CharacterModel:
    return rnntext.load(models / "charlm")


def plain(shown: bytes) -> str:
    """What a terminal shows, without its colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", shown.decode()).replace("\r\n", "\n")


# Colours --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bits", "shown"),
    [
        ("a", 0.0, "a"),
        ("a", 1.0, "a"),
        ("a", 1.1, f"{YELLOW}a{PLAIN}"),
        ("a", 3.5, f"{RED}a{PLAIN}"),
        ("a", 99.0, f"{ON_RED}a{PLAIN}"),
        ("a", math.inf, f"{ON_RED}a{PLAIN}"),
        ("a", math.nan, "a"),
        (" ", 0.5, " "),
        (" ", 2.0, f"{YELLOW}{UNDERLINED} {PLAIN}"),
        ("\n", 9.0, "\n"),
        ("\x1b", 0.0, "\\u001b"),
        ("\x07", 4.0, f"{RED}\\u0007{PLAIN}"),
        ("ł", 0.0, "ł"),
    ],
)
def test_a_character_has_the_colour_of_its_surprise(text: str, bits: float, shown: str) -> None:
    assert coloured(text, bits).decode() == shown


@pytest.mark.parametrize("text", ["a", "ł", "好", "👍🏽", '"', "\n", "\t", "\\", "\\n", '\\"', "\x00", "\r", "\u2028"])
def test_what_stands_in_a_column_can_be_read_back(text: str) -> None:
    column = escaped(text)
    assert not {"\n", "\t", "\r", "\0"} & set(column)
    assert json.loads('"' + column.replace('"', '\\"') + '"') == text


# Characters of a text -------------------------------------------------------------------------------------------------


def test_the_bits_of_the_characters_add_up_to_those_of_the_text(shell: Shell, model: CharacterModel) -> None:
    text = 'The mil\tler "asks"\\\n\nwhy?'
    name = shell.write("text.txt", text)
    rows = [line.split("\t") for line in shell.here("score", "--per-character", name).lines]
    characters = [{"\\n": "\n", "\\t": "\t", "\\\\": "\\"}.get(column, column) for column, _ in rows]
    assert "".join(characters) == text
    assert sum(float(bits) for _, bits in rows) == pytest.approx(model.score(text)[0], abs=0.01)
    records = shell.here("score", "--per-character", "--json", name).records
    assert [record["character"] for record in records] == list(text)
    assert {record["source"] for record in records} == {name}
    alone = [model.score(text[: end + 1])[0] - model.score(text[:end])[0] for end in range(len(text))]
    assert [record["bits"] for record in records] == pytest.approx(alone, abs=1e-4)


def test_a_long_text_of_several_pieces_has_the_same_bits(model: CharacterModel, english: str) -> None:
    bits = model.surprisal(english)
    cut = list(model.surprisal_of_pieces([english[:2000], "", english[2000:2001], english[2001:]]))
    assert "".join(character for character, _ in cut) == english
    assert [value for _, value in cut] == pytest.approx(bits, abs=1e-3)
    assert bits.sum() == pytest.approx(model.score(english)[0], rel=1e-9)


def test_a_character_that_a_model_does_not_know_keeps_its_name_and_is_a_surprise(shell: Shell) -> None:
    records = shell.here("score", "--per-character", "--json", stdin="The 好 mill").records
    assert [record["character"] for record in records] == list("The 好 mill")
    assert max(records, key=lambda record: record["bits"])["character"] == "好"


def test_a_model_that_learns_while_it_reads_predicts_each_character_first(
    shell: Shell, model: CharacterModel, english: str
) -> None:
    name = shell.write("text.txt", english)
    records = shell.here("score", "--per-character", "--adapt", "--json", name).records
    assert "".join(record["character"] for record in records) == english
    bits = [record["bits"] for record in records]
    assert bits[:32] == pytest.approx(model.surprisal(english)[:32], abs=1e-4)
    assert sum(bits) == pytest.approx(model.score(english, adapt=True)[0], rel=1e-9)


def test_a_terminal_shows_the_text_itself(shell: Shell) -> None:
    text = "The miller\nasks 好"
    command = [*PROGRAM, "score", "--per-character", shell.write("text.txt", text)]
    with on_terminal(command, shell) as (_, terminal):
        shown = to_the_end(terminal)
    key, *lines = plain(shown).splitlines()
    assert key.startswith("surprise in bits: ")
    assert lines == text.split("\n")
    assert f"{ON_RED}好{PLAIN}".encode() in shown
    quiet = Shell(shell.folder, {**shell.environment, "NO_COLOR": "1"})
    with on_terminal(command, quiet) as (_, terminal):
        assert plain(to_the_end(terminal)).startswith("T\t")


def test_an_empty_file_has_no_characters(shell: Shell) -> None:
    assert "empty" in shell.here("score", "--per-character", shell.write("empty.txt", ""), code=65).message


# Tokens of a target ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hal(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a translation model that expects "ibm" for "hal"."""
    return str(save_translator(tmp_path_factory.mktemp("hal"), *shifting_weights(), longest=39))


def test_each_token_of_a_target_has_its_log_probability(shell: Shell, hal: str) -> None:
    stdin = "hal\tibm\nhal\tib x\nno pair\n\tibm\n"
    good, bad, none, blank = shell.here("score", "--per-token", "-q", "-m", hal, stdin=stdin).lines
    tokens = [field.rsplit(" ", 1) for field in good.split("\t")]
    assert [token for token, _ in tokens] == ["i", "b", "m", "[END]"]
    assert sum(float(log_p) for _, log_p in tokens) == pytest.approx(shifting_log_probability(3), abs=1e-3)
    by_token = dict(field.rsplit(" ", 1) for field in bad.split("\t"))
    assert float(by_token["x"]) < -5 < float(by_token["i"])
    assert none == ""
    assert blank == "i nan\tb nan\tm nan\t[END] nan"


def test_tokens_in_json_are_null_free(shell: Shell, hal: str) -> None:
    good, none = shell.here("score", "--per-token", "--json", "-q", "-m", hal, stdin="hal\tibm\nno pair\n").records
    assert [member["token"] for member in good["scored_tokens"]] == ["i", "b", "m", "[END]"]
    log_p = [member["log_probability"] for member in good["scored_tokens"]]
    assert sum(log_p) == pytest.approx(good["log_probability"], abs=1e-9)
    assert (none["scored_tokens"], none["tokens"], none["log_probability"]) == ([], 0, None)


def test_a_terminal_shows_tokens_in_colours(shell: Shell, hal: str) -> None:
    pairs = shell.write("pairs.tsv", "hal\tibx\n")
    with on_terminal([*PROGRAM, "score", "--per-token", "-m", hal, pairs], shell) as (_, terminal):
        shown = to_the_end(terminal)
    assert f"i b {ON_RED}x{PLAIN}".encode() in shown


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--per-token"], "--per-token"),
        (["--per-character", "--per-line"], "--per-character"),
        (["--per-character", "-m", "hal"], "--per-character"),
    ],
)
def test_what_a_model_has_not_is_refused(shell: Shell, hal: str, arguments: list[str], name: str) -> None:
    given = [hal if argument == "hal" else argument for argument in arguments]
    assert shell.here("score", *given, stdin="a\tb\n", code=2).message.startswith(f"{name}: ")


# Drawn characters -----------------------------------------------------------------------------------------------------

SEEDED = ("generate", "The ", "--seed", "7", "-n", "30")


@pytest.mark.parametrize("count", ["1", "3"])
@pytest.mark.parametrize("stop", [[], ["--stop", "e"], ["--stop", "e", "--keep-stop"]])
def test_probabilities_are_told_beside_the_same_text(shell: Shell, count: str, stop: list[str]) -> None:
    command = [*SEEDED, "--json", "--count", count, *stop]
    without = shell.here(*command).records
    records = shell.here(*command, "--top-logprobs", "2").records
    assert len(records) == int(count)
    for before, record in zip(without, records, strict=True):
        characters = record.pop("characters")
        assert record == before
        assert "".join(one["character"] for one in characters) == record["text"]
        assert all(len(one["likeliest"]) == 2 for one in characters)


def test_probabilities_are_the_models_own_whatever_the_sampling(shell: Shell, model: CharacterModel) -> None:
    command = [*SEEDED, "--json", "--top-logprobs", "1000", "--temperature", "0.5", "--top-k", "3"]
    (record,) = shell.here(*command, "--repetition-penalty", "1.3").records
    drawn = [one["log_probability"] for one in record["characters"]]
    prompt = len("The ")
    bits = model.surprisal("The " + record["text"])[prompt:]
    # `score` begins with the start of a text, `generate` with its prompt: the longer ago that is, the less it matters.
    assert [-log_p / math.log(2) for log_p in drawn][-10:] == pytest.approx(bits[-10:], abs=0.05)
    for one in record["characters"]:
        values = [log_p for _, log_p in one["likeliest"]]
        assert values == sorted(values, reverse=True)
        assert dict(one["likeliest"])[one["character"]] == one["log_probability"]
        assert sum(map(math.exp, values)) <= 1.0 + 1e-5
        assert "\ufffd" not in dict(one["likeliest"])


def test_a_terminal_shows_how_sure_a_model_was(shell: Shell) -> None:
    without = shell.here(*SEEDED).text
    for count in (1, 2):
        command = [*PROGRAM, *SEEDED, "--show-confidence", "--count", str(count)]
        with on_terminal(command, shell) as (_, terminal):
            shown = to_the_end(terminal)
        key, text = plain(shown).split("\n", 1)
        assert key.startswith("surprise in bits: ")
        assert text == (without if count == 1 else shell.here(*SEEDED, "--count", "2").text)
        assert PLAIN.encode() in shown


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--top-logprobs", "1"], "--top-logprobs"),
        (["--show-confidence"], "--show-confidence"),
        (["--show-confidence", "--json"], "--show-confidence"),
    ],
)
def test_what_would_show_nothing_is_refused(shell: Shell, options: list[str], name: str) -> None:
    done = shell.here(*SEEDED, *options, code=2)
    assert done.message.startswith(f"{name}: ")
    assert done.out == b""
