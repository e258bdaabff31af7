"""corpora: list, show, path."""

from pathlib import Path

from cli.shell import Shell

VALLEY = Path(__file__).parents[2] / "corpora" / "valley.txt"


def test_list_names_licence_and_content_of_each_corpus(shell: Shell) -> None:
    rows = [line.split("\t") for line in shell.here("corpora", "list").lines]
    assert [len(row) for row in rows] == [3] * 4
    assert {row[0]: row[1] for row in rows} == {
        "valley": "CC0-1.0",
        "python-docs": "PSF-2.0",
        "grammar": "CC0-1.0",
        "grammar-heldout": "CC0-1.0",
    }
    assert [list(record.values()) for record in shell.here("corpora", "list", "--json").records] == rows


def test_show_prints_the_file_byte_for_byte(shell: Shell) -> None:
    assert shell.here("corpora", "show", "valley").out == VALLEY.read_bytes()
    shell.here("corpora", "show", "valley", "-o", "copy.txt")
    assert (shell.folder / "copy.txt").read_bytes() == VALLEY.read_bytes()


def test_path_leads_to_the_file(shell: Shell) -> None:
    assert Path(shell.here("corpora", "path", "valley").text.removesuffix("\n")).read_bytes() == VALLEY.read_bytes()


def test_the_built_in_corpus_is_text_in_english(shell: Shell) -> None:
    text = shell.here("corpora", "show", "python-docs").text
    assert len(text) > 100_000
    assert "The for statement" in text or 'The "for" statement' in text


def test_a_corpus_can_be_piped_into_score(shell: Shell) -> None:
    text = shell.here("corpora", "show", "valley").text[:3000]
    assert " bits/char, " in shell.here("score", stdin=text).text
