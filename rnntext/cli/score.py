"""score."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated

import typer

from rnntext.cli.console import INVALID, Results, results, tell_count
from rnntext.cli.options import ConfigFile, Json, Model, Output, PrintConfig, Quiet, Threads, Verbose, print_settings
from rnntext.errors import UsageError

if TYPE_CHECKING:
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.translation import TranslationModel

NAME = "charlm"


def score(
    context: typer.Context,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Files, or - for stdin (the default).")
    ] = None,
    model: Model = NAME,
    per_line: Annotated[
        bool, typer.Option("--per-line", help="Bits per character of every line, each for itself (pairs: always).")
    ] = False,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Tell how well a model predicts texts.

    A character model: bits per character and perplexity. A translation model reads `source TAB target` lines: natural
    log-probability of each target and its tokens.
    """
    if print_config:
        print_settings(context)
        return
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.load import load
    from rnntext.jobs.translation import TranslationModel
    from rnntext.storage.models import find

    loaded = load(find(model, "train-charlm"), threads)
    with results(output) as out:
        if isinstance(loaded, TranslationModel):
            _score_pairs(out, loaded, files or ["-"], as_json, quiet)
        elif not isinstance(loaded, CharacterModel):
            raise UsageError(f"--model {model}: not a model of text; there is nothing that it could score")
        elif per_line:
            _score_lines(out, loaded, files or ["-"], as_json, quiet)
        else:
            _score_files(out, loaded, files or ["-"], as_json)


def _score_files(out: Results, model: CharacterModel, files: list[str], as_json: bool) -> None:
    from rnntext.jobs.score import score_sources

    for found in score_sources(model, files):
        where = f"{found.source}: " if len(files) > 1 else ""
        line = (
            f"{where}{found.bits_per_character:.4f} bits/char, perplexity {found.perplexity:.4f}, "
            f"{found.characters} characters"
        )
        out.write((json.dumps({"source": found.source, **found.numbers()}) if as_json else line) + "\n")
        out.flush()


def _score_lines(out: Results, model: CharacterModel, files: list[str], as_json: bool, quiet: bool) -> None:
    from rnntext.jobs.score import score_lines

    invalid = 0
    for found, valid in score_lines(model, files):
        invalid += not valid
        record = json.dumps({"line": int(found.source), **found.numbers()})
        out.write((record if as_json else f"{found.bits_per_character:.4f}") + "\n")
        out.flush()
    tell_count(invalid, INVALID, quiet)


def _score_pairs(out: Results, model: TranslationModel, files: list[str], as_json: bool, quiet: bool) -> None:
    from rnntext.jobs.score import score_pairs

    invalid = too_long = 0
    for found in score_pairs(model, files):
        invalid += not found.valid
        known = not math.isnan(found.log_probability)
        too_long += not known
        if as_json:
            log_probability = found.log_probability if known else None  # JSON has no nan
            out.write(
                json.dumps({"line": found.line, "log_probability": log_probability, "tokens": found.tokens}) + "\n"
            )
        else:
            out.write(f"{found.log_probability:.4f}\t{found.tokens}\n")
        out.flush()
    tell_count(invalid, INVALID, quiet)
    tell_count(too_long, "too long to be scored; the answer says nan, null in JSON", quiet)
