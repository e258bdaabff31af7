"""The command `score`: measures how well a model predicts texts or translations."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli.command import command
from rnntext.cli.console import INVALID, Results, note, results, tell_count
from rnntext.cli.options import ColumnNumbers, Ensemble, Files, Json, Models, Output, Quiet, Threads, Version
from rnntext.cli.surprise import KEY, coloured, escaped, has_colours
from rnntext.errors import UsageError
from rnntext.families import CHARLM
from rnntext.settings.base import MODEL, OUTPUT
from rnntext.text.columns import Columns, parse

if TYPE_CHECKING:
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.score import PairScore
    from rnntext.jobs.translation import TranslationModel

PerLine = Annotated[
    bool,
    typer.Option(
        "--per-line",
        help="Score every line on its own; a translation model always does.",
        rich_help_panel=OUTPUT,
    ),
]
PerCharacter = Annotated[
    bool,
    typer.Option(
        "--per-character",
        help="Write each character of the text and its bits; a terminal shows the text, coloured by surprise.",
        rich_help_panel=OUTPUT,
    ),
]
PerToken = Annotated[
    bool,
    typer.Option(
        "--per-token",
        help="Write each token of a target and its log-probability; a terminal shows them coloured by surprise.",
        rich_help_panel=OUTPUT,
    ),
]
Adapt = Annotated[
    bool,
    typer.Option(
        "--adapt",
        help="Let a character model learn from each file while it reads it; it predicts before it learns.",
        rich_help_panel=MODEL,
    ),
]


@command(
    "rnntext score chapter.txt -m book",
    "rnntext score pairs.tsv -m es --json",
    "rnntext score tatoeba.tsv -m es --columns 2,4",
    "rnntext score letter.txt -m book --per-character",
)
def score(
    *,
    files: Files = None,
    model: Models = [CHARLM.name],  # noqa: B006
    version: Version = None,
    ensemble: Ensemble = None,
    adapt: Adapt = False,
    per_line: PerLine = False,
    per_character: PerCharacter = False,
    per_token: PerToken = False,
    columns: ColumnNumbers = None,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how well a model predicts a text.

    A character model gives the bits per character and the perplexity of each file. A translation model reads lines
    `source TAB target` and gives the natural log-probability of each target and its number of tokens; nan and 0 for a
    line that is no pair.
    """
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.load import find, load
    from rnntext.jobs.translation import TranslationModel
    from rnntext.text.sources import expanded

    # 1. Load the model.
    numbers = None if columns is None else parse(columns)
    if adapt and per_line:
        raise UsageError("--adapt: a line of --per-line is too short to learn from; leave out one of the two")
    if per_line and per_character:
        raise UsageError("--per-character: not with --per-line; leave out one of the two")
    loaded = load([find(name, CHARLM, version, ensemble) for name in model], threads, version, ensemble)
    sources = expanded(files or ["-"])
    # 2. Score what it is for.
    with results(output) as out:
        if isinstance(loaded, TranslationModel):
            for name, given in {"--adapt": adapt, "--per-character": per_character}.items():
                if given:
                    raise UsageError(f"{name}: {model[0]} is a translation model; this is for character models")
            _score_pairs(out, loaded, sources, numbers, per_token, as_json, quiet)
        elif not isinstance(loaded, CharacterModel):
            raise UsageError(f"--model {model[0]}: not a model of text; there is nothing that it could score")
        elif numbers is not None:
            raise UsageError("--columns: a character model reads texts, which have no columns")
        elif per_token:
            raise UsageError(f"--per-token: {model[0]} is a character model; it has --per-character")
        elif per_line:
            _score_lines(out, loaded, sources, as_json, quiet)
        elif per_character:
            _score_characters(out, loaded, sources, adapt, as_json, quiet)
        else:
            _score_files(out, loaded, sources, adapt, as_json, quiet)


def _score_files(
    out: Results, model: CharacterModel, files: list[str], adapt: bool, as_json: bool, quiet: bool
) -> None:
    """Writes the score of each file."""
    from rnntext.jobs.score import score_sources

    for score in score_sources(model, files, adapt, lambda remark: note(remark, quiet)):
        if as_json:
            line = json.dumps({"source": score.source, **score.numbers()})
        else:
            name = f"{score.source}: " if len(files) > 1 else ""
            line = (
                f"{name}{score.bits_per_character:.4f} bits/char, perplexity {score.perplexity:.4f}, "
                f"{score.characters} {'character' if score.characters == 1 else 'characters'}"
            )
        out.write(line + "\n")
        out.flush()


def _score_characters(
    out: Results, model: CharacterModel, files: list[str], adapt: bool, as_json: bool, quiet: bool
) -> None:
    """Writes the bits of each character; on a terminal the text in colours."""
    from rnntext.jobs.score import score_characters

    in_colours = has_colours(out.terminal) and not as_json
    if in_colours:
        note(KEY, quiet)
    last = "\n"
    for source, last, bits in score_characters(model, files, adapt, lambda remark: note(remark, quiet)):
        if in_colours:
            out.write(coloured(last, bits))
        elif as_json:
            record = {"source": source, "character": last, "bits": bits}
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            out.write(f"{escaped(last)}\t{bits:.4f}\n")
    if in_colours and last != "\n":
        out.write("\n")


def _score_lines(out: Results, model: CharacterModel, files: list[str], as_json: bool, quiet: bool) -> None:
    """Writes the bits per character of each line."""
    from rnntext.jobs.score import score_lines

    invalid = 0
    for score, number, valid in score_lines(model, files, lambda remark: note(remark, quiet)):
        invalid += not valid
        record: dict[str, object] = {"source": score.source, "line": number, **score.numbers()}
        if not valid:
            record["error"] = INVALID
        line = json.dumps(record) if as_json else f"{score.bits_per_character:.4f}"
        out.write(line + "\n")
        out.flush()
    tell_count(invalid, INVALID, quiet)


def _score_pairs(
    out: Results,
    model: TranslationModel,
    files: list[str],
    columns: Columns | None,
    per_token: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Writes the log-probability and the number of tokens of each line's target, or those of each token."""
    from rnntext.jobs.score import score_pairs

    in_colours = per_token and has_colours(out.terminal) and not as_json
    if in_colours:
        note(KEY, quiet)
    invalid = 0
    faults: Counter[str] = Counter()
    first: dict[str, str] = {}  # the place of the first line with each fault
    for pair in score_pairs(model, files, columns, lambda remark: note(remark, quiet)):
        invalid += not pair.valid
        if pair.fault is not None:
            faults[pair.fault] += 1
            first.setdefault(pair.fault, f"{pair.source}, line {pair.line}")
        if in_colours:
            out.write(b" ".join(coloured(token, -log_p / math.log(2)) for token, log_p in pair.scored_tokens) + b"\n")
        else:
            out.write((_json_of(pair, per_token) if as_json else _columns_of(pair, per_token)) + "\n")
        out.flush()
    tell_count(invalid, INVALID, quiet)
    for fault, count in faults.items():
        tell_count(count, f"{fault} (the first: {first[fault]}); the answer says nan, null in JSON", quiet)


def _json_of(pair: PairScore, per_token: bool) -> str:
    """The record of a pair."""
    record: dict[str, object] = {"source": pair.source, "line": pair.line}
    record["log_probability"] = None if pair.fault is not None else pair.log_probability  # JSON has no nan
    record["tokens"] = len(pair.scored_tokens)
    if per_token:
        members = [] if pair.fault is not None else pair.scored_tokens
        record["scored_tokens"] = [{"token": token, "log_probability": log_p} for token, log_p in members]
    if pair.fault is not None:
        record["error"] = pair.fault
    elif not pair.valid:
        record["error"] = INVALID
    return json.dumps(record, ensure_ascii=False)


def _columns_of(pair: PairScore, per_token: bool) -> str:
    """The line of a pair: its columns are log-probability and number of tokens, or one for each token, which has its
    log-probability behind a space."""
    if not per_token:
        return f"{pair.log_probability:.4f}\t{len(pair.scored_tokens)}"
    return "\t".join(f"{escaped(token)} {log_p:.4f}" for token, log_p in pair.scored_tokens)
