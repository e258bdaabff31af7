"""evaluate: sacreBLEU's figures for what translate gives, and a refusal of files that do not belong together."""

import json
import sys
from pathlib import Path

import pytest
import sacrebleu
from cli.shell import CLEAN, Shell
from helpers import alphabet_weights, save_charlm, save_translator, shifted, shifting_weights

from rnntext.errors import DataError, UsageError
from rnntext.jobs.evaluate import evaluate
from rnntext.jobs.load import load_translation
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.search import SearchConfig

SOURCE = ["the cat sat on the mat", "hal", "", "why not", "a dog and a cat", "Oh yes"]
REFERENCE = [
    "uif dbu tbu po uif nbu",  # right
    "IBM",  # right but for the capitals
    "opuijoh",
    "xiz opu opx",  # nearly
    "b eph boe b dpx",
    "?i zft",  # right
]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models: translator, which shifts letters, and charlm."""
    folder = tmp_path_factory.mktemp("home")
    save_translator(folder / "translator", *shifting_weights(), longest=39)
    save_charlm(folder / "charlm", *alphabet_weights())
    return folder


@pytest.fixture(scope="session")
def model(home: Path) -> TranslationModel:
    return load_translation(home / "translator")


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    shell = Shell(tmp_path, {**CLEAN, "RNNTEXT_CHECKPOINTS": str(home)})
    shell.write("test.en", "\n".join(SOURCE) + "\n")
    shell.write("test.xx", "\n".join(REFERENCE) + "\n")
    return shell


def by_sacrebleu(answers: list[str], lowercase: bool = False) -> dict[str, float]:
    return {
        "bleu": sacrebleu.corpus_bleu(answers, [REFERENCE], lowercase=lowercase).score,
        "chrf": sacrebleu.corpus_chrf(answers, [REFERENCE]).score
        if not lowercase
        else sacrebleu.CHRF(lowercase=True).corpus_score(answers, [REFERENCE]).score,
        "ter": sacrebleu.corpus_ter(answers, [REFERENCE], case_sensitive=not lowercase).score,
    }


@pytest.mark.parametrize("lowercase", [False, True])
def test_the_figures_are_those_of_sacrebleu(shell: Shell, model: TranslationModel, lowercase: bool) -> None:
    answers = [shifted(line) for line in SOURCE]
    expected = by_sacrebleu(answers, lowercase)
    assert 5 < expected["bleu"] < 95
    files = str(shell.folder / "test.en"), str(shell.folder / "test.xx")
    found = evaluate(model, *files, SearchConfig(), lowercase)
    assert found.translations == answers
    assert found.scores == pytest.approx(expected)
    assert found.lines == 6
    assert all(f"version:{sacrebleu.__version__}" in signature for signature in found.signatures.values())
    assert ("case:lc" in found.signatures["bleu"]) == lowercase


def test_several_references_are_one_test_set(shell: Shell, model: TranslationModel) -> None:
    others = [line.upper() for line in REFERENCE]
    files = [str(shell.folder / "test.xx"), str(shell.folder / shell.write("other.xx", "\n".join(others)))]
    found = evaluate(model, str(shell.folder / "test.en"), files, SearchConfig())
    answers = [shifted(line) for line in SOURCE]
    assert found.scores["bleu"] == pytest.approx(sacrebleu.corpus_bleu(answers, [REFERENCE, others]).score)
    assert found.scores["chrf"] == pytest.approx(sacrebleu.corpus_chrf(answers, [REFERENCE, others]).score)
    assert "nrefs:2" in found.signatures["bleu"]


def test_a_table_has_sources_and_references(shell: Shell, model: TranslationModel) -> None:
    rows = [(f"{n}", reference, source) for n, (source, reference) in enumerate(zip(SOURCE, REFERENCE, strict=True))]
    table = str(shell.folder / shell.write("t.tsv", "".join("\t".join(row) + "\n" for row in rows) + "\n"))
    expected = by_sacrebleu([shifted(line) for line in SOURCE])
    found = evaluate(model, table, [], SearchConfig(), columns=(3, 2))
    assert found.scores == pytest.approx(expected)
    twice = evaluate(model, table, [], SearchConfig(), columns=(3, 2, 1))
    assert "nrefs:2" in twice.signatures["bleu"]
    with pytest.raises(DataError, match=r"column 1 has hardly any words.*--columns 2,3"):
        evaluate(model, table, [], SearchConfig())


def test_references_are_composed_as_training_text_is(shell: Shell, model: TranslationModel) -> None:
    source = str(shell.folder / shell.write("x.en", "hal hal hal hal\n"))
    files = [str(shell.folder / shell.write(name, f"ibm {e} ibm ibm\n")) for name, e in (("c", "é"), ("d", "e\u0301"))]
    composed, decomposed = (evaluate(model, source, file, SearchConfig()).scores for file in files)
    assert composed == decomposed


@pytest.mark.parametrize("tokenize", ["char", "zh", "none"])
def test_the_tokenizer_can_be_chosen(shell: Shell, model: TranslationModel, tokenize: str) -> None:
    files = str(shell.folder / "test.en"), str(shell.folder / "test.xx")
    found = evaluate(model, *files, SearchConfig(), tokenize=tokenize)
    answers = [shifted(line) for line in SOURCE]
    expected = sacrebleu.corpus_bleu(answers, [REFERENCE], tokenize=tokenize, force=True).score
    assert found.scores["bleu"] == pytest.approx(expected)
    assert f"tok:{tokenize}" in found.signatures["bleu"]


def test_scores_of_a_text_without_spaces_are_not_those_of_one_long_word(shell: Shell, model: TranslationModel) -> None:
    files = [
        str(shell.folder / shell.write(name, text)) for name, text in (("x.en", "船船\n"), ("x.zh", "??船 NumPy\n"))
    ]
    found = evaluate(model, *files, SearchConfig())
    assert "tok:zh" in found.signatures["bleu"]
    assert "asian:yes" in found.signatures["ter"]


def test_a_tokenizer_that_is_not_installed_says_what_it_needs(
    shell: Shell, model: TranslationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "MeCab", None)
    monkeypatch.delitem(sys.modules, "sacrebleu.tokenizers.tokenizer_ja_mecab", raising=False)
    files = str(shell.folder / "test.en"), str(shell.folder / "test.xx")
    with pytest.raises(UsageError, match=r"--tokenize ja-mecab: needs MeCab.*sacrebleu\[ja\]"):
        evaluate(model, *files, SearchConfig(), tokenize="ja-mecab")


def test_a_file_that_is_no_utf_8_is_refused_without_an_option_that_evaluate_lacks(shell: Shell) -> None:
    done = shell.here("evaluate", shell.write("pairs.tsv", b"hal\tib\xed\n"), code=65)
    assert done.message.startswith("pairs.tsv: line 1, byte offset 6: invalid UTF-8")
    assert "--encoding-errors" not in done.message


def test_the_translations_can_be_kept(shell: Shell) -> None:
    shell.here("evaluate", "test.en", "test.xx", "--save", "answers.xx", "--tokenize", "intl", "-q")
    kept = (shell.folder / "answers.xx").read_text(encoding="utf-8")
    assert kept == "".join(f"{shifted(line)}\n" for line in SOURCE)


def test_every_line_of_a_table_has_its_translation(shell: Shell) -> None:
    table = shell.write("pairs.tsv", "hal\tibm\n\nhal\tibm\n  \n")
    with_blanks = shell.here("evaluate", table, "--save", "answers.xx", "--json", "-q").records
    assert (shell.folder / "answers.xx").read_text(encoding="utf-8") == "ibm\n\nibm\n\n"
    without = shell.here("evaluate", "-", "--json", "-q", stdin="hal\tibm\n" * 2).records
    names = ("bleu", "chrf", "ter")
    assert [with_blanks[0][name] for name in names] == [without[0][name] for name in names]
    assert "nothing to evaluate" in shell.here("evaluate", "-", stdin="\n  \n", code=65).message


def test_case_matters_unless_it_is_told_not_to(shell: Shell, model: TranslationModel) -> None:
    files = str(shell.folder / "test.en"), str(shell.folder / "test.xx")
    strict, folded = (evaluate(model, *files, SearchConfig(), lowercase).scores for lowercase in (False, True))
    assert folded["bleu"] > strict["bleu"]
    assert folded["chrf"] > strict["chrf"]
    assert folded["ter"] < strict["ter"]


@pytest.mark.parametrize(("beam", "max_length"), [(1, None), (3, 2)])
def test_the_search_is_the_one_that_was_asked_for(
    shell: Shell, model: TranslationModel, beam: int, max_length: int | None
) -> None:
    files = str(shell.folder / "test.en"), str(shell.folder / "test.xx")
    found = evaluate(model, *files, SearchConfig(beam=beam, max_length=max_length, batch_tokens=1))
    assert found.translations == [shifted(line)[:max_length] for line in SOURCE]


def test_a_table_is_printed_with_signatures(shell: Shell) -> None:
    expected = by_sacrebleu([shifted(line) for line in SOURCE])
    done = shell.here("evaluate", "test.en", "test.xx")
    assert [line.split()[0] for line in done.lines] == ["BLEU", "chrF", "TER"]
    assert [float(line.split()[1]) for line in done.lines] == pytest.approx(list(expected.values()), abs=0.01)
    assert all("|version:" in line.split()[2] for line in done.lines)
    assert done.err.startswith("6 lines, ")
    assert done.err.endswith(" lines/s\n")


def test_json_has_the_same_figures(shell: Shell) -> None:
    done = shell.here("evaluate", "test.en", "-", "--json", "--lowercase", stdin="\r\n".join(REFERENCE) + "\r\n")
    (record,) = done.records
    assert {n: record[n] for n in ("bleu", "chrf", "ter")} == pytest.approx(
        by_sacrebleu([shifted(line) for line in SOURCE], lowercase=True)
    )
    assert record["lines"] == 6
    assert record["lines_per_second"] > 0
    assert set(record["signatures"]) == {"bleu", "chrf", "ter"}
    assert done.err == ""


def test_unequal_files_are_refused_with_both_names_and_counts(shell: Shell) -> None:
    shell.write("short.xx", "one\ntwo\n")
    done = shell.here("evaluate", "test.en", "short.xx", code=65)
    assert "test.en has 6 lines and short.xx 2" in done.message
    assert done.out == b""


@pytest.mark.parametrize(
    ("source", "reference", "counts"),
    [("", "a\n", ("0 lines", 1)), ("a\nb", "", ("2 lines", 0)), ("\n", "a\n\n", ("1 line", 2))],
)
def test_lines_are_counted_at_the_edges(
    shell: Shell, model: TranslationModel, source: str, reference: str, counts: tuple[str, int]
) -> None:
    files = [str(shell.folder / shell.write(*file)) for file in (("a", source), ("b", reference))]
    with pytest.raises(DataError, match=f"a has {counts[0]} and .*b {counts[1]}: "):
        evaluate(model, *files, SearchConfig())


def test_two_empty_files_are_nothing_to_evaluate(shell: Shell, model: TranslationModel) -> None:
    files = [str(shell.folder / shell.write(name, "")) for name in ("a", "b")]
    with pytest.raises(DataError, match=r"a: empty; there is nothing to evaluate"):
        evaluate(model, *files, SearchConfig())


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["test.en", "missing"], 74, ["missing: No such file"]),
        (["test.en", "bad"], 65, ["bad: line 1, byte offset 1: invalid UTF-8"]),
        ([], 2, ["SOURCE"]),
        (["test.en"], 65, ["test.en: line 1: no TAB"]),
        (["test.en", "test.xx", "--columns", "1,2"], 2, ["--columns 1,2", "file of pairs"]),
        (["test.en", "test.xx", "--tokenize", "14a"], 2, ["--tokenize 14a", "auto, 13a"]),
        (["test.en", "test.xx", "--save", "nowhere/x"], 74, ["--save nowhere/x"]),
        (["test.en", "test.xx", "short"], 65, ["test.en has 6 lines and short 1"]),
        (["test.en", "test.xx", "-m", "charlm"], 2, ["charlm model", "translation model"]),
        (["test.en", "test.xx", "--beam", "0"], 2, ["--beam 0"]),
        (["-", "-"], 2, ["evaluate - -", "only once"]),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else str(value),
)
def test_mistakes_are_told_in_one_line(shell: Shell, arguments: list[str], code: int, parts: list[str]) -> None:
    shell.write("bad", b"a\xff\n")
    shell.write("short", b"a\n")
    done = shell.here("evaluate", *arguments, code=code)
    assert done.out == b""
    assert [part for part in parts if part not in done.message] == [], done.message


def test_evaluating_loads_no_tensorflow(shell: Shell) -> None:
    loaded = shell.modules("evaluate", "test.en", "test.xx", "-o", "scores.json", "--json")
    assert loaded & {"tensorflow", "keras"} == set()
    assert json.loads((shell.folder / "scores.json").read_text())["lines"] == 6
