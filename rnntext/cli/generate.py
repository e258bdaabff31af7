"""The command `generate`: continues a text with a character model."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from rnntext.cli.command import command
from rnntext.cli.console import Results, note, results
from rnntext.cli.options import Ensemble, Json, Models, Output, Quiet, Threads, Version, choice
from rnntext.errors import UsageError
from rnntext.families import CHARLM
from rnntext.settings.base import DATA, LENGTH, MODEL, OUTPUT, SAMPLING
from rnntext.settings.charlm import MAX_COUNT, ON_UNKNOWN, SamplingConfig

Prompt = Annotated[str | None, typer.Argument(metavar="PROMPT", help="The text to continue; - reads stdin.")]
Adapt = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Let the model read FILE first and learn from it; - reads stdin. Nothing is stored.",
        rich_help_panel=MODEL,
    ),
]
Length = Annotated[
    int,
    typer.Option("-n", "--length", min=0, help="Maximum number of characters to draw.", rich_help_panel=LENGTH),
]
Count = Annotated[int, typer.Option(min=1, max=MAX_COUNT, help="Number of samples.", rich_help_panel=LENGTH)]
Stop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT", help="End the sample before TEXT; may be given several times.", rich_help_panel=LENGTH
    ),
]
KeepStop = Annotated[
    bool, typer.Option("--keep-stop", help="End the sample after TEXT of --stop, not before.", rich_help_panel=LENGTH)
]
Separator = Annotated[
    str, typer.Option(metavar="TEXT", help="The line between two samples of --count.", rich_help_panel=OUTPUT)
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Seed of the random numbers; the same seed repeats a sample.",
        show_default="a new one each time, shown on stderr",
        rich_help_panel=SAMPLING,
    ),
]
OnUnknown = Annotated[
    str,
    choice(
        "How to treat characters of the prompt that are not in the vocabulary: refuse the prompt, or leave them out.",
        *ON_UNKNOWN,
        name="on_unknown",
        group=DATA,
    ),
]
NoEcho = Annotated[
    bool, typer.Option("--no-echo", help="Write the samples without the prompt.", rich_help_panel=OUTPUT)
]


@command(
    'rnntext generate "The miller " --length 300 --temperature 0.7',
    "cat opening.txt | rnntext generate -m book --count 3 > drafts.txt",
    'rnntext generate "Dear " --adapt letters.txt',
)
def generate(
    *,
    prompt: Prompt = None,
    model: Models = [CHARLM.name],  # noqa: B006
    version: Version = None,
    ensemble: Ensemble = None,
    adapt: Adapt = None,
    length: Length = 500,
    count: Count = 1,
    stop: Stop = None,
    keep_stop: KeepStop = False,
    sampling: SamplingConfig,
    seed: Seed = None,
    on_unknown: OnUnknown = "error",
    no_echo: NoEcho = False,
    separator: Separator = "-----",
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Continue PROMPT with a trained character model.

    Without PROMPT, the text on stdin is continued; if stdin is a terminal or empty, the model begins a text.
    """
    from rnntext.jobs.adaptation import adapted_to
    from rnntext.jobs.generate import fresh_seed
    from rnntext.jobs.load import find, load_characters

    # 1. Read the prompt, and check it before anything is written.
    paths = [find(name, CHARLM, version, ensemble) for name in model]
    text = _prompt(prompt, adapt)
    loaded = load_characters(paths, threads, version, ensemble)
    loaded.encode(text, on_unknown)
    if adapt is not None:
        loaded = adapted_to(loaded, adapt, lambda remark: note(remark, quiet))
    # 2. Write the samples.
    chosen = fresh_seed() if seed is None else seed
    request: dict[str, Any] = {"length": length, "stop": tuple(stop or ()), "keep_stop": keep_stop, "seed": chosen}
    request |= {"on_unknown": on_unknown, "sampling": sampling}
    echo = "" if no_echo else text
    named = str(paths[0]) if len(paths) == 1 else list(map(str, paths))
    with results(output) as out:
        for sentence in loaded.remarks(text, stop or (), length):
            note(f"rnntext: {sentence}", quiet)
        note(f"seed {chosen}", quiet or seed is not None)
        if count == 1 and not as_json:
            _stream(out, echo, loaded.generate(text, **request))
            return
        samples = loaded.samples(text, count=count, **request)
        for index, sample in enumerate(samples):
            record = {"index": index, "prompt": text, "text": sample, "seed": chosen, "model": named}
            shown = (f"{separator}\n" if index else "") + _with_line_end(echo + sample)
            out.write(json.dumps(record, ensure_ascii=False) + "\n" if as_json else shown)


def _prompt(argument: str | None, adapt: str | None) -> str:
    """The prompt: the argument, or stdin if the argument is - or missing; nobody is asked to type on a terminal.

    Raises:
        UsageError: stdin is to be both the prompt and what the model learns from.
    """
    from rnntext.text.decoding import decode
    from rnntext.text.lines import read_text

    if argument is not None and argument != "-":
        return decode(os.fsencode(argument), "PROMPT")
    if adapt == "-":
        raise UsageError("--adapt -: stdin is the prompt already; give PROMPT as an argument, or the name of a file")
    if argument is None and (sys.stdin is None or sys.stdin.isatty()):
        return ""
    return read_text("-").removesuffix("\n").removesuffix("\r")  # `echo The | rnntext generate` continues "The"


def _stream(out: Results, echo: str, characters: Iterable[str]) -> None:
    """Writes the prompt, then each character as soon as it is drawn, then a line break unless there is one."""
    out.write(echo)
    last = echo[-1:]
    for last in characters:
        out.write(last)
    if last != "\n":
        out.write("\n")


def _with_line_end(text: str) -> str:
    """The text, with a line break at its end."""
    return text if text.endswith("\n") else text + "\n"
