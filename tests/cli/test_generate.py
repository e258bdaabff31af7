"""generate: what comes out, again and again the same, and where the prompt comes from."""

import json
import os
import stat
from pathlib import Path

import pytest
from cli.shell import CLEAN, PROGRAM, Done, Shell, read_some

import rnntext

SEEDED = ["generate", "The ", "-n", "40", "--seed", "7"]
GREEDY = ["generate", "-m", "alphabet", "--temperature", "0", "--seed", "1"]


@pytest.fixture(scope="module")
def seeded(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """What the seeded command prints, run once."""
    return Shell(tmp_path_factory.mktemp("seeded"), {**CLEAN, "RNNTEXT_CHECKPOINTS": str(models)})(*SEEDED)


# Chance ---------------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(shell: Shell, seeded: Done) -> None:
    assert shell.here(*SEEDED).out == seeded.out != shell.here(*SEEDED[:-1], "8").out
    assert seeded.text.startswith("The ")
    assert len(seeded.text) == len("The ") + 40 + 1
    assert seeded.err == ""


def test_a_fresh_seed_is_shown_on_stderr_only_and_repeats_the_sample(shell: Shell, seeded: Done) -> None:
    done = shell.here("generate", "The ", "-n", "40")
    word, seed = done.err.split()
    assert word == "seed"
    assert shell.here("generate", "The ", "-n", "40", "--seed", seed).out == done.out != seeded.out


def test_quiet_keeps_the_seed_to_itself(shell: Shell) -> None:
    assert shell.here("generate", "-q", "-n", "5").err == ""


def test_the_python_interface_gives_the_same_text(seeded: Done, models: Path) -> None:
    text = "".join(rnntext.load(models / "charlm").generate("The ", length=40, seed=7))
    assert seeded.text == f"The {text}\n"


@pytest.mark.parametrize(
    "option", ["--temperature 0", "--temperature 1e-45", "--top-k 1", "--top-p 0.000001", "--min-p 1"]
)
def test_the_likeliest_character_is_taken_whatever_the_seed(shell: Shell, option: str) -> None:
    done = shell.here("generate", "abc", "-n", "30", "-m", "alphabet", "--seed", "5", *option.split())
    assert done.text == "abcdefghijklmnopqrstuvwxyz\nabcdef\n"
    assert done.err == ""


# For these seeds NumPy's float32 exponential variables contain an exact 0 within the first 66 x 40 (found by search).


def test_a_random_number_that_is_zero_draws_nothing_that_top_k_has_excluded(shell: Shell) -> None:
    greedy = shell.here("generate", "The ", "-n", "40", "--temperature", "0", "--seed", "42488")
    done = shell.here("generate", "The ", "-n", "40", "--top-k", "1", "--seed", "42488")
    assert (done.text, done.err) == (greedy.text, "")


def test_a_random_number_that_is_zero_does_not_draw_the_unknown_character(shell: Shell) -> None:
    assert shell.here("generate", "The ", "-n", "40", "--seed", "128636").err == ""


# Samples --------------------------------------------------------------------------------------------------------------


def test_count_separates_samples_that_differ_and_can_be_repeated(shell: Shell) -> None:
    done = shell.here(*SEEDED, "--count", "3")
    samples = done.text.split("\n-----\n")
    assert len(set(samples)) == 3
    assert all(sample.startswith("The ") for sample in samples)
    assert done.text.endswith("\n")
    assert shell.here(*SEEDED, "--count", "3").out == done.out


def test_json_lines_hold_prompt_text_seed_and_index(shell: Shell, models: Path) -> None:
    records = shell.here(*SEEDED, "--count", "3", "--json").records
    assert [record["index"] for record in records] == [0, 1, 2]
    assert [len(record["text"]) for record in records] == [40, 40, 40]
    common = {(record["prompt"], record["seed"], record["model"]) for record in records}
    assert common == {("The ", 7, str(models / "charlm"))}
    shown = shell.here(*SEEDED, "--count", "3", "--no-echo").text
    assert shown == "\n-----\n".join(r["text"].removesuffix("\n") for r in records) + "\n"


def test_json_tells_the_fresh_seed(shell: Shell) -> None:
    done = shell.here("generate", "-n", "5", "--json")
    assert done.err == f"seed {done.records[0]['seed']}\n"


def test_a_single_json_sample_is_the_streamed_one(shell: Shell, seeded: Done) -> None:
    assert "The " + shell.here(*SEEDED, "--json").records[0]["text"] == seeded.text.removesuffix("\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "abcdefgh\n"),
        (["--no-echo"], "defgh\n"),
        (["--stop", "f"], "abcde\n"),
        (["--stop", "z", "--stop", "ef"], "abcd\n"),
        (["--stop", "xy"], "abcdefgh\n"),
        (["--stop", "hi"], "abcdefgh\n"),  # the h that waited for an i is not lost
        (["--stop", "c"], "abcdefgh\n"),  # the prompt stops nothing
        (["--stop", "d", "--no-echo"], "\n"),
        (["-n", "0"], "abc\n"),
        (["-n", "24"], "abcdefghijklmnopqrstuvwxyz\n"),  # ends with the line break that was drawn, and no other
        (["--count", "2"], "abcdefgh\n-----\nabcdefgh\n"),
        (["--count", "2", "--stop", "f", "--no-echo"], "de\n-----\nde\n"),
        (["--stop", "f", "--keep-stop"], "abcdef\n"),
        (["--stop", "z", "--keep-stop"], "abcdefgh\n"),
        (["--count", "2", "--stop", "ef", "--keep-stop", "--no-echo"], "def\n-----\ndef\n"),
        (["--count", "2", "--separator", "*** ż ***"], "abcdefgh\n*** ż ***\nabcdefgh\n"),
        (["--count", "2", "--separator", ""], "abcdefgh\n\nabcdefgh\n"),
    ],
)
def test_what_is_shown(shell: Shell, options: list[str], expected: str) -> None:
    assert shell.here(*GREEDY, "abc", *([] if "-n" in options else ["-n", "5"]), *options).text == expected


@pytest.mark.parametrize("model", ["hungry", "replaced"])
@pytest.mark.parametrize("options", ["--temperature 0", "--count 3"])
def test_the_unknown_character_is_never_printed(shell: Shell, model: str, options: str) -> None:
    text = shell.here("generate", "The ", "-n", "200", "-m", model, "--seed", "1", *options.split()).text
    assert "\ufffd" not in text
    assert "[UNK]" not in text


def test_any_script_goes_in_and_comes_out(shell: Shell) -> None:
    prompt = "Zażółć 你好 Привет 😀"
    text = shell.here("generate", prompt, "-n", "400", "-m", "world", "--seed", "1").text
    assert text.startswith(prompt)
    assert {"你", "р", "😀"} <= set(text.removeprefix(prompt))


def test_a_decomposed_prompt_counts_as_the_composed_one(shell: Shell) -> None:
    options = ["-n", "30", "-m", "world", "--seed", "1", "--no-echo"]
    assert shell.here("generate", "e\u0301", *options).out == shell.here("generate", "é", *options).out


def test_unknown_characters_are_skipped_on_request(shell: Shell) -> None:
    options = ["-n", "40", "--seed", "1", "--no-echo"]
    assert (
        shell.here("generate", "Th你e", "--on-unknown", "skip", *options).out
        == shell.here("generate", "The", *options).out
    )


def test_what_is_skipped_and_a_stop_text_that_can_never_come_are_said(shell: Shell) -> None:
    def said(*options: str, model: str = "alphabet") -> list[str]:
        done = shell.here("generate", "-m", model, "-n", "5", "--seed", "1", *options)
        return [line.removeprefix("rnntext: ") for line in done.err.splitlines()]

    skipped = "left out of the prompt, as the model has never seen them: 'Ł' (U+0141) '1' (U+0031)"
    assert said("aŁ1b", "--on-unknown", "skip") == [skipped]
    assert said("aŁ1b", "--on-unknown", "skip", "--quiet") == []
    assert said("ab", "--on-unknown", "skip", "--stop", "cd", "--stop", "\n") == []
    never = "can never come: "
    line_break = "the model has never seen '\\\\' (U+005C); a shell makes a line break of $'\\n'"
    assert said("ab", "--stop", "\\n") == [f"the stop text '\\\\n' {never}{line_break}"]
    assert said("ab", "--stop", "End") == [f"the stop text 'End' {never}the model has never seen 'E' (U+0045)"]
    assert said("ab", "--stop", "") == [f"the stop text '' {never}it is empty"]
    assert said("ab", "--stop", "cdefgh") == [
        f"the stop text 'cdefgh' {never}it is longer than the 5 characters to be drawn"
    ]
    replaced = f"the stop text '\ufffd' {never}U+FFFD is never drawn"
    assert said("ab", "--stop", "\ufffd", model="replaced") == [replaced]


# Where the prompt comes from ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "stdin", "shown"),
    [
        (["abc"], "", "abcdef\n"),
        (["abc"], "xyz", "abcdef\n"),
        ([], "abc", "abcdef\n"),
        (["-"], "abc", "abcdef\n"),
        ([], "abc\n", "abcdef\n"),
        ([], "abc\r\n", "abcdef\n"),
        ([], "\ufeffabc", "abcdef\n"),
        ([], "", "abc\n"),
        (["-"], "", "abc\n"),
        ([""], "xyz", "abc\n"),
        (["--", "abc"], "", "abcdef\n"),
    ],
)
def test_the_prompt_is_the_argument_or_else_stdin(shell: Shell, arguments: list[str], stdin: str, shown: str) -> None:
    assert shell.here(*GREEDY, "-n", "3", *arguments, stdin=stdin).text == shown


def test_an_argument_leaves_stdin_to_the_next_command(shell: Shell) -> None:
    script = '"$@" > /dev/null; cat'
    command = ["sh", "-c", script, "sh", *PROGRAM, "generate", "abc", "-n", "1", "-q", "-m", "alphabet"]
    assert shell.run(command, stdin="untouched").text == "untouched"


def test_on_a_terminal_no_prompt_is_waited_for(shell: Shell) -> None:
    leader, follower = os.openpty()
    with shell.started(*GREEDY, "-n", "3", stdin=follower) as process:
        os.close(follower)
        assert read_some(process.stdout.fileno(), 4) == b"abc\n"
    os.close(leader)


# Files ----------------------------------------------------------------------------------------------------------------


def test_an_output_file_holds_what_stdout_would(shell: Shell, seeded: Done) -> None:
    assert shell.here(*SEEDED, "-o", "answer.txt").out == b""
    assert (shell.folder / "answer.txt").read_bytes() == seeded.out
    assert [path.name for path in shell.folder.iterdir()] == ["answer.txt"]


def test_a_failed_run_leaves_the_old_output_file_alone(shell: Shell) -> None:
    shell.write("answer.txt", "old\n")
    shell.here("generate", "你", "-o", "answer.txt", code=65)
    assert (shell.folder / "answer.txt").read_text() == "old\n"


def test_json_goes_into_the_output_file_too(shell: Shell) -> None:
    shell.here(*SEEDED, "--json", "-o", "answer.jsonl")
    assert json.loads((shell.folder / "answer.jsonl").read_text())["seed"] == 7


def test_output_through_a_link_keeps_the_link(shell: Shell, seeded: Done) -> None:
    shell.write("target.txt", "old\n")
    (shell.folder / "link.txt").symlink_to("target.txt")
    shell.here(*SEEDED, "-o", "link.txt")
    assert (shell.folder / "link.txt").is_symlink()
    assert (shell.folder / "target.txt").read_bytes() == seeded.out


def test_output_into_something_that_is_no_file_does_not_replace_it(shell: Shell, seeded: Done) -> None:
    """The named pipe stands for devices. Never try the real ones: root's `-o /dev/full` may replace the machine's."""
    os.mkfifo(shell.folder / "pipe")
    reader = os.open(shell.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    shell.here(*SEEDED, "-o", "pipe")
    assert stat.S_ISFIFO((shell.folder / "pipe").stat().st_mode)
    assert read_some(reader, len(seeded.out)) == seeded.out
    os.close(reader)


# Adaptation -----------------------------------------------------------------------------------------------------------


def test_a_sample_is_drawn_after_learning_from_a_file(shell: Shell, seeded: Done, models: Path, english: str) -> None:
    name = shell.write("read.txt", english)
    adapted = rnntext.load(models / "charlm").adapted(english)
    text = "".join(adapted.generate("The ", length=40, seed=7))
    done = shell.here(*SEEDED, "--adapt", name)
    assert done.text == f"The {text}\n" != seeded.text
    assert done.err == ""
    assert shell.here(*SEEDED, "--adapt", "-", stdin=english).out == done.out
    assert shell.here(*SEEDED).out == seeded.out


def test_the_prompt_may_come_from_stdin_while_a_file_is_learnt_from(shell: Shell, english: str) -> None:
    command = ["generate", "--adapt", shell.write("read.txt", english), "-n", "20", "--seed", "1", "--count", "2"]
    assert shell.here(*command, "-", stdin="The ").out == shell.here(*command, "The ").out


@pytest.mark.parametrize("prompt", [[], ["-"]])
def test_stdin_is_not_prompt_and_teacher_at_once(shell: Shell, prompt: list[str]) -> None:
    done = shell.here("generate", "--adapt", "-", *prompt, stdin="The ", code=2)
    assert done.message.startswith("--adapt -: stdin is the prompt already")


@pytest.mark.parametrize(("name", "code", "words"), [("empty.txt", 65, "empty"), ("missing.txt", 74, "No such file")])
def test_a_file_that_teaches_nothing_is_refused(shell: Shell, name: str, code: int, words: str) -> None:
    shell.write("empty.txt", "")
    done = shell.here("generate", "The ", "--adapt", name, code=code)
    assert done.out == b""
    assert done.message.startswith(f"{name}: {words}")
