"""generate."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from rnntext.cli.console import Results, note, results
from rnntext.cli.options import (
    ConfigFile,
    Json,
    Model,
    Output,
    PrintConfig,
    Quiet,
    Threads,
    Verbose,
    pick,
    print_settings,
)
from rnntext.config import SamplingConfig

NAME = "charlm"
SEPARATOR = "-----"  # between the samples of --count

Length = Annotated[int, typer.Option("-n", "--length", min=0, help="Most characters to draw.")]
Count = Annotated[int, typer.Option(min=1, help="Number of samples, drawn as one batch.")]
Temperature = Annotated[float, typer.Option(help="Below 1 more careful, above 1 wilder; 0: always the likeliest.")]
TopK = Annotated[int | None, typer.Option(help="Draw from the K likeliest characters.")]
TopP = Annotated[float | None, typer.Option(help="Draw from the likeliest that together reach P.")]
MinP = Annotated[float | None, typer.Option(help="Draw from those at least P times as likely as the likeliest.")]
RepetitionPenalty = Annotated[float, typer.Option(help="Above 1: characters drawn lately become less likely.")]
Stop = Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End before TEXT; may be given several times.")]
SampleSeed = Annotated[int | None, typer.Option(min=0, help="Repeat a sample. [default: a fresh one, shown on stderr]")]
OnUnknown = Annotated[
    str, typer.Option(metavar="error|skip", help="What to do with prompt characters that the model has never seen.")
]
NoEcho = Annotated[bool, typer.Option("--no-echo", help="Do not repeat the prompt.")]


def generate(
    context: typer.Context,
    prompt: Annotated[str | None, typer.Argument(metavar="PROMPT", help="What to continue; - reads stdin.")] = None,
    model: Model = NAME,
    length: Length = 500,
    count: Count = 1,
    temperature: Temperature = SamplingConfig.temperature,
    top_k: TopK = SamplingConfig.top_k,
    top_p: TopP = SamplingConfig.top_p,
    min_p: MinP = SamplingConfig.min_p,
    repetition_penalty: RepetitionPenalty = SamplingConfig.repetition_penalty,
    stop: Stop = None,
    seed: SampleSeed = None,
    on_unknown: OnUnknown = "error",
    no_echo: NoEcho = False,
    threads: Threads = 1,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    config: ConfigFile = None,
    print_config: PrintConfig = False,
) -> None:
    """Continue PROMPT with a trained character model.

    Without PROMPT, what comes through stdin is continued; without that, the model begins.
    """
    sampling = pick(SamplingConfig, context.params)
    if print_config:
        print_settings(context)
        return
    from rnntext.jobs.generate import fresh_seed
    from rnntext.jobs.load import load_characters
    from rnntext.storage.models import find

    path = find(model, "train-charlm")
    text = _prompt(prompt)
    loaded = load_characters(path, threads)
    chosen = fresh_seed() if seed is None else seed
    loaded.encode(text, on_unknown)
    request: dict[str, Any] = {
        "length": length,
        "stop": tuple(stop or ()),
        "seed": chosen,
        "on_unknown": on_unknown,
        "sampling": sampling,
    }
    echo = "" if no_echo else text
    with results(output) as out:
        note(f"seed {chosen}", quiet or seed is not None)
        if count == 1 and not as_json:
            _stream(out, echo, loaded.generate(text, **request))
            return
        for index, sample in enumerate(loaded.generate_many(text, count=count, **request)):
            if as_json:
                record = {"index": index, "prompt": text, "text": sample, "seed": chosen, "model": str(path)}
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
            else:
                out.write((f"{SEPARATOR}\n" if index else "") + _with_line_end(echo + sample))


def _prompt(argument: str | None) -> str:
    """The prompt: the argument; stdin if it is - or missing, unless a terminal would have to be waited for."""
    from rnntext.text.lines import decode, read_text

    if argument is not None and argument != "-":
        return decode(os.fsencode(argument), "PROMPT")
    if argument is None and (sys.stdin is None or sys.stdin.isatty()):
        return ""
    return read_text("-").removesuffix("\n").removesuffix("\r")  # `echo The | rnntext generate` means "The"


def _stream(out: Results, echo: str, characters: Iterable[str]) -> None:
    out.write(echo)
    last = echo[-1:]
    for last in characters:
        out.write(last)
    if last != "\n":
        out.write("\n")


def _with_line_end(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
