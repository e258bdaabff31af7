"""score: the figures are those of the Python interface, and with --per-line each line in gives a line out."""

import math
from pathlib import Path

import pytest
from cli.shell import Shell, read_some
from helpers import save_translator, shifting_log_probability, shifting_weights

import rnntext
from rnntext.jobs.characters import CharacterModel


@pytest.fixture(scope="module")
def model(models: Path) -> CharacterModel:
    return rnntext.load(models / "charlm")


def test_the_figures_agree_with_the_python_interface(shell: Shell, model: CharacterModel, english: str) -> None:
    bits, characters = model.score(english)
    assert characters > 5000
    name = shell.write("text.txt", english)
    shown = f"{bits / characters:.4f} bits/char, perplexity {2 ** (bits / characters):.4f}, {characters} characters\n"
    assert shell.here("score", name).text == shown
    (record,) = shell.here("score", "--json", name).records
    assert record.pop("source") == name
    expected = {"characters": characters, "bits": bits, "bits_per_character": bits / characters}
    assert record == pytest.approx({**expected, "perplexity": 2 ** (bits / characters)}, rel=1e-5)


def test_several_files_are_named_each(shell: Shell, model: CharacterModel) -> None:
    first, second = shell.write("a.txt", "The miller.\n"), shell.write("b.txt", "Wren, who is ten\n")
    done = shell.here("score", first, second)
    assert [line.split(": ")[0] for line in done.lines] == [first, second]
    rates = [float(line.split(": ")[1].split()[0]) for line in done.lines]
    expected = [model.score("The miller.\n")[0] / 12, model.score("Wren, who is ten\n")[0] / 17]
    assert rates == pytest.approx(expected, abs=1e-4)
    assert done.err == ""


def test_the_files_of_a_folder_are_named_each(shell: Shell) -> None:
    (shell.folder / "books").mkdir()
    for name in ("books/b.txt", "books/a.txt"):
        shell.write(name, "The miller.\n")
    assert [line.split(": ")[0] for line in shell.here("score", "books").lines] == ["books/a.txt", "books/b.txt"]
    assert shell.here("score", "books/*.txt").out == shell.here("score", "books").out


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_stdin_is_scored_like_a_file(shell: Shell, arguments: list[str]) -> None:
    text = "The miller walks, and Wren asks: why?\n"
    name = shell.write("text.txt", text)
    assert shell.here("score", *arguments, stdin=text).out == shell.here("score", name).out


def test_files_before_a_bad_one_are_still_scored(shell: Shell) -> None:
    done = shell.here("score", shell.write("good.txt", "The\n"), "missing.txt", code=74)
    assert done.lines[0].startswith("good.txt: ")
    assert "missing.txt" in done.message


# Adaptation -----------------------------------------------------------------------------------------------------------


def test_a_model_learns_from_each_file_while_it_reads_it(shell: Shell, model: CharacterModel, english: str) -> None:
    name = shell.write("text.txt", english)
    bits, characters = model.score(english, adapt=True)
    assert bits < model.score(english)[0]
    records = shell.here("score", "--adapt", "--json", name, name).records
    assert [(r["bits"], r["characters"]) for r in records] == [(bits, characters)] * 2


@pytest.mark.parametrize("option", ["--per-line", "-m hal"])
def test_what_cannot_be_learnt_from_is_refused(shell: Shell, hal: str, option: str) -> None:
    arguments = option.replace("hal", hal).split()
    assert shell.here("score", "--adapt", *arguments, code=2).message.startswith("--adapt: ")


# Lines ----------------------------------------------------------------------------------------------------------------

ODD = b"The miller.\r\na\xe2\x80\xa8b\n\n \n\xff\xfe\nA\x0bB\x0cC\x85\n\r\na\rb\n\0\nWren, who is ten"


def test_every_line_in_gives_a_line_out(shell: Shell, model: CharacterModel) -> None:
    lines = [line.removesuffix(b"\r").decode("utf-8", "replace") for line in ODD.split(b"\n")]
    assert len(lines) == 10
    expected = [bits / characters if characters else 0.0 for bits, characters in map(model.score, lines)]
    done = shell.here("score", "--per-line", stdin=ODD)
    assert [float(line) for line in done.lines] == pytest.approx(expected, abs=1e-4)
    assert all(math.isfinite(float(line)) for line in done.lines)


def test_invalid_bytes_are_reported_once_with_their_count(shell: Shell) -> None:
    message = shell.here("score", "--per-line", stdin=b"a\n\xff\n\xfe\n").message
    assert "2 lines" in message
    assert "UTF-8" in message


def test_quiet_says_nothing_about_invalid_bytes(shell: Shell) -> None:
    assert shell.here("score", "--per-line", "-q", stdin=b"\xff\n").err == ""


@pytest.mark.parametrize(("stdin", "count"), [("", 0), ("\n", 1), ("a", 1), ("a\n", 1), ("a\n\n", 2), ("\r\n", 1)])
def test_the_number_of_lines_stays_at_the_edges(shell: Shell, stdin: str, count: int) -> None:
    assert len(shell.here("score", "--per-line", stdin=stdin).lines) == count


def test_lines_of_several_files_come_in_order_with_file_and_number(shell: Shell, model: CharacterModel) -> None:
    files = [shell.write("a.txt", "The\nmiller"), shell.write("b.txt", ""), shell.write("c.txt", "Wren\n")]
    records = shell.here("score", "--per-line", "--json", *files).records
    assert [(r["source"], r["line"], r["characters"]) for r in records] == [
        ("a.txt", 1, 3),
        ("a.txt", 2, 6),
        ("c.txt", 1, 4),
    ]
    expected = [model.score(word)[0] for word in ("The", "miller", "Wren")]
    assert [record["bits"] for record in records] == pytest.approx(expected, rel=1e-6)


def test_a_line_costs_the_same_among_any_neighbours(shell: Shell) -> None:
    alone = shell.here("score", "--per-line", stdin="Wren asks\n").lines
    assert shell.here("score", "--per-line", stdin="The\nWren asks\n\nWren asks").lines[1::2] == alone * 2


def test_each_answer_comes_before_the_next_line_is_sent(shell: Shell) -> None:
    with shell.started("score", "--per-line") as process:
        for line in (b"The\n", b"miller\n", b"\n"):
            process.stdin.write(line)
            assert read_some(process.stdout.fileno(), 7).count(b"\n") == 1
        process.stdin.close()
        assert process.wait(20) == 0


def test_scores_can_go_into_a_file(shell: Shell) -> None:
    assert shell.here("score", "--per-line", "-o", "scores.txt", stdin="a\nb\n").out == b""
    assert (shell.folder / "scores.txt").read_bytes() == shell.here("score", "--per-line", stdin="a\nb\n").out


# Pairs ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hal(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a translation model that expects "ibm" for "hal"."""
    return str(save_translator(tmp_path_factory.mktemp("hal"), *shifting_weights(), longest=39))


def test_a_translation_model_scores_pairs(shell: Shell, hal: str) -> None:
    stdin = "hal\tibm\nhal\tibn\r\n a \t b\tfurther\tcolumns\nhal\t\n" + "x" * 500 + "\ty\n"
    done = shell.here("score", "-m", hal, stdin=stdin)
    found = [line.split("\t") for line in done.lines]
    assert [int(tokens) for _, tokens in found] == [4, 4, 2, 1, 2]
    scores = [float(score) for score, _ in found]
    assert scores[0] == pytest.approx(shifting_log_probability(3), abs=1e-4)
    assert scores[1] == pytest.approx(shifting_log_probability(3) - 10, abs=1e-2)
    assert scores[2] == pytest.approx(shifting_log_probability(1), abs=1e-4)
    assert scores[3] == pytest.approx(-20, abs=1e-2)
    assert math.isfinite(scores[4])
    assert done.err == ""


def test_a_target_that_shows_nothing_is_an_empty_one(shell: Shell, hal: str) -> None:
    empty, *blank = shell.here("score", "-m", hal, stdin="hal\t\nhal\t\u200b\nhal\t \u3000\n").lines
    assert blank == [empty] * 2


def test_pairs_are_scored_as_json_with_their_numbers(shell: Shell, hal: str) -> None:
    files = [shell.write("a.tsv", b"hal\tibm\nh\xff\tib\n"), shell.write("b.tsv", "\ufeffa\tb")]
    done = shell.here("score", "-m", hal, "--json", *files)
    assert [(r["line"], r["tokens"]) for r in done.records] == [(1, 4), (2, 3), (1, 2)]
    expected = [shifting_log_probability(n) for n in (3, 1)]
    assert [done.records[n]["log_probability"] for n in (0, 2)] == pytest.approx(expected, rel=1e-2)
    assert done.message.startswith("1 line was not valid UTF-8")


def test_a_line_that_is_no_pair_gets_its_line_too(shell: Shell, hal: str) -> None:
    lines = ["hal\tibm", "", "hal ibm", " \tibm", "\u3000\tb", "\t", "hal\tibm"]
    done = shell.here("score", "-m", hal, stdin="\n".join(lines))
    found = [line.split("\t") for line in done.lines]
    assert [score == "nan" for score, _ in found] == [False, True, True, True, True, True, False]
    assert [tokens for _, tokens in found] == ["4", "0", "0", "4", "2", "1", "4"]
    assert done.message == (
        "5 lines were without a source, a TAB and a target (the first: <stdin>, line 2); "
        "the answer says nan, null in JSON"
    )


def test_the_columns_of_a_table_are_found_or_named(shell: Shell, hal: str) -> None:
    lines = "".join(f"{number}\thal\t{number + 7}\tibm\n" for number in range(9)) + "9\thal\n"
    name = shell.write("tatoeba.tsv", lines)
    refused = shell.here("score", "-m", hal, name, code=65)
    assert refused.message.startswith("tatoeba.tsv: column 1 has hardly any words")
    assert "--columns 2,4 seems to be right" in refused.message
    done = shell.here("score", "-m", hal, name, "--columns", "2,4")
    assert done.lines == shell.here("score", "-m", hal, stdin="hal\tibm\n" * 9 + "no pair\n").lines
    done = shell.here("score", "-m", hal, "--columns", "3,1", stdin="ibm\t5\thal\tmore\n")
    assert done.lines == shell.here("score", "-m", hal, stdin="hal\tibm\n").lines


def test_columns_of_what_has_none_are_refused(shell: Shell, hal: str) -> None:
    assert "name two columns" in shell.here("score", "-m", hal, "--columns", "1,2,3", code=2).message
    assert "a character model reads texts" in shell.here("score", "--columns", "1,2", code=2).message


def test_every_line_has_its_own_file_and_number(shell: Shell, hal: str) -> None:
    files = [shell.write("a.tsv", "hal\tibm\n"), shell.write("b.tsv", "hal\tibm\nhal ibm\n\n")]
    done = shell.here("score", "-m", hal, "--json", *files)
    assert [(r["source"], r["line"], r["tokens"]) for r in done.records] == [
        ("a.tsv", 1, 4),
        ("b.tsv", 1, 4),
        ("b.tsv", 2, 0),
        ("b.tsv", 3, 0),
    ]
    assert [record["log_probability"] is None for record in done.records] == [False, False, True, True]
    assert "(the first: b.tsv, line 2)" in done.message


def test_a_pair_too_long_to_be_judged_has_no_score_and_holds_nothing_up(shell: Shell, hal: str) -> None:
    stdin = "hal\tibm\n" + "x" * 100_000 + "\ty\na\t" + "b" * 100_000 + "\nhal\tibm\n"
    done = shell.here("score", "-m", hal, stdin=stdin)
    assert [line.split("\t")[0] == "nan" for line in done.lines] == [False, True, True, False]
    assert done.message.startswith("2 lines were too long to be scored")
    records = shell.here("score", "-m", hal, "--json", stdin=stdin).records
    assert [record["log_probability"] is None for record in records] == [False, True, True, False]


def test_a_bad_line_far_down_disturbs_nobody(shell: Shell, hal: str) -> None:
    name = shell.write("long.tsv", "a\tb\n" * 1299 + "no pair\n" + "a\tb\n" * 200)
    done = shell.here("score", "-m", hal, name)
    assert done.lines.index("nan\t0") == 1299
    assert len(done.lines) == 1500
    assert len(set(done.lines)) == 2
    assert "line 1300" in done.message


def test_a_pairs_score_comes_before_the_next_pair_is_sent(shell: Shell, hal: str) -> None:
    with shell.started("score", "-m", hal) as process:
        for line in (b"hal\tibm\n", b"a\tb\n"):
            process.stdin.write(line)
            assert read_some(process.stdout.fileno(), 9).count(b"\n") == 1
        process.stdin.close()
        assert process.wait(20) == 0


def test_no_pairs_have_no_scores(shell: Shell, hal: str) -> None:
    done = shell.here("score", "-m", hal)
    assert (done.out, done.err) == (b"", "")
