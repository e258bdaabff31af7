"""The command `generate`: continues a text with a character model."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnntext.cli.command import command
from rnntext.cli.console import Results, note, results, to_terminal
from rnntext.cli.options import Ensemble, Json, Models, Output, Quiet, Version, choice
from rnntext.cli.surprise import KEY, coloured, has_colours
from rnntext.errors import UsageError
from rnntext.families import CHARLM
from rnntext.settings.base import DATA, JOB, LENGTH, MODEL, OUTPUT, SAMPLING
from rnntext.settings.charlm import ENGINES, MAX_COUNT, ON_UNKNOWN, SamplingConfig

if TYPE_CHECKING:
    from rnntext.jobs.characters import CharacterModel
    from rnntext.jobs.generate import Drawn, Sample

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
Engine = Annotated[
    str,
    choice(
        "Inference engine; onnxruntime runs LSTMs with 8-bit weights, and is an optional extra.",
        *ENGINES,
        name="engine",
        group=JOB,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of threads of a matrix product.",
        show_default="of one sample the fastest number, found while it is drawn; else 1",
        rich_help_panel=JOB,
    ),
]
ShowConfidence = Annotated[
    bool,
    typer.Option(
        "--show-confidence", help="Colour each drawn character by how unlikely it was.", rich_help_panel=OUTPUT
    ),
]
TopLogprobs = Annotated[
    int | None,
    typer.Option(
        "--top-logprobs",
        min=0,
        metavar="K",
        help="With --json: add the log-probability of each drawn character and of the K most likely ones.",
        rich_help_panel=OUTPUT,
    ),
]
Interactive = Annotated[
    bool,
    typer.Option(
        "--interactive",
        help="Write a text together with the model: continue, draw again, take back, pick characters, change settings.",
        rich_help_panel=LENGTH,
    ),
]
NoEcho = Annotated[
    bool, typer.Option("--no-echo", help="Write the samples without the prompt.", rich_help_panel=OUTPUT)
]


@command(
    'rnntext generate "The miller " --length 300 --temperature 0.7',
    "cat opening.txt | rnntext generate -m book --count 3 > drafts.txt",
    'rnntext generate "Dear " --adapt letters.txt',
    "rnntext generate --interactive -m book",
)
def generate(
    *,
    prompt: Prompt = None,
    model: Models = [CHARLM.name],  # noqa: B006
    version: Version = None,
    ensemble: Ensemble = None,
    adapt: Adapt = None,
    interactive: Interactive = False,
    length: Length = 500,
    count: Count = 1,
    stop: Stop = None,
    keep_stop: KeepStop = False,
    sampling: SamplingConfig,
    seed: Seed = None,
    on_unknown: OnUnknown = "error",
    no_echo: NoEcho = False,
    separator: Separator = "-----",
    show_confidence: ShowConfidence = False,
    top_logprobs: TopLogprobs = None,
    engine: Engine = "numpy",
    threads: Threads = None,
    output: Output = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Continue PROMPT with a trained character model.

    Without PROMPT, the text on stdin is continued; if stdin is a terminal or empty, the model begins a text.
    """
    from rnntext.jobs.generate import fresh_seed
    from rnntext.jobs.load import find, load_characters

    # 1. Read the prompt, and check it and the options before anything is written.
    _check(output, interactive, show_confidence, top_logprobs, as_json, count)
    paths = [find(name, CHARLM, version, ensemble) for name in model]
    text = _prompt(prompt, adapt)
    loaded = load_characters(paths, threads, version, ensemble, engine)
    loaded.encode(text, on_unknown)
    loaded = loaded if adapt is None else _adapted(loaded, adapt, quiet)
    # 2. Write the samples.
    chosen = fresh_seed() if seed is None else seed
    request: dict[str, Any] = {"prompt": text, "length": length, "seed": chosen, "sampling": sampling}
    request |= {"on_unknown": on_unknown, "stop": tuple(stop or ()), "keep_stop": keep_stop}
    with results(output) as out:
        _remark(loaded.remarks(text, stop or (), length), chosen if seed is None else None, show_confidence, quiet)
        if interactive:
            _write_together(out, loaded, request)
        elif as_json:
            _write_records(out, loaded.samples(count=count, top=top_logprobs, **request), text, chosen, paths)
        else:
            _write_texts(out, "" if no_echo else text, _samples(loaded, count, show_confidence, request), separator)


def _adapted(model: CharacterModel, source: str, quiet: bool) -> CharacterModel:
    """The model after it has learnt from a file."""
    from rnntext.jobs.adaptation import adapted_to

    return adapted_to(model, source, lambda remark: note(remark, quiet))


def _write_together(out: Results, model: CharacterModel, request: dict[str, Any]) -> None:
    """Holds the conversation of --interactive."""
    from rnntext.cli.writing import write_together
    from rnntext.jobs.draft import Draft

    draft = Draft(model, **{name: value for name, value in request.items() if name != "prompt"})
    draft.write(request["prompt"])
    write_together(out, draft)


def _remark(sentences: Iterable[str], seed: int | None, show_confidence: bool, quiet: bool) -> None:
    """Says what may not be expected of the samples, what their seed is if it was not given, and what colours mean."""
    for sentence in sentences:
        note(f"rnntext: {sentence}", quiet)
    note(f"seed {seed}", quiet or seed is None)
    note(KEY, quiet or not show_confidence)


def _check(
    output: Path | None, interactive: bool, show_confidence: bool, top_logprobs: int | None, as_json: bool, count: int
) -> None:
    """Refuses options where they would show nothing.

    Raises:
        UsageError: see above.
    """
    if interactive and (as_json or count > 1 or show_confidence):
        raise UsageError("--interactive: writes one text, as it is; leave out --json, --count and --show-confidence")
    if interactive:
        from rnntext.cli.conversation import check_terminal

        check_terminal(output)
    if top_logprobs is not None and not as_json:
        raise UsageError("--top-logprobs: its numbers need --json; --show-confidence shows them as colours")
    if show_confidence and (as_json or not has_colours(output is None and to_terminal())):
        raise UsageError("--show-confidence: needs a terminal with colours; elsewhere give --json --top-logprobs 0")


def _write_records(out: Results, samples: Iterable[Sample], prompt: str, seed: int, paths: Sequence[Path]) -> None:
    """Writes the JSON record of each sample."""
    named = str(paths[0]) if len(paths) == 1 else list(map(str, paths))
    for index, sample in enumerate(samples):
        record = {"index": index, "prompt": prompt, "text": sample.text, "seed": seed, "model": named}
        if sample.drawn is not None:
            record["characters"] = [drawn._asdict() for drawn in sample.drawn]
        out.write(json.dumps(record, ensure_ascii=False) + "\n")


def _write_texts(out: Results, echo: str, samples: Iterable[Iterable[str | bytes]], separator: str) -> None:
    """Writes samples with a line between them, each with its prompt."""
    for index, parts in enumerate(samples):
        out.write(f"{separator}\n" if index else "")
        _stream(out, echo, parts)


def _samples(
    model: CharacterModel, count: int, show_confidence: bool, request: dict[str, Any]
) -> Iterator[Iterable[str | bytes]]:
    """Yields samples in parts, as `_stream` wants them; one alone comes character by character, as it is drawn."""
    if count > 1:
        for sample in model.samples(count=count, top=0 if show_confidence else None, **request):
            yield [sample.text] if sample.drawn is None else _colours(sample.drawn)
    elif show_confidence:
        yield _colours(model.draw(**request))
    else:
        yield model.generate(**request)


def _colours(drawn: Iterable[Drawn]) -> Iterator[str | bytes]:
    """Yields characters in the colours of their surprise."""
    return (coloured(one.character, -one.log_probability / math.log(2)) for one in drawn)


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


def _stream(out: Results, echo: str, parts: Iterable[str | bytes]) -> None:
    """Writes the prompt, then each part as soon as it is drawn, then a line break unless there is one."""
    out.write(echo)
    last: str | bytes = echo[-1:]
    for last in parts:
        out.write(last)
    if last[-1:] not in ("\n", b"\n"):
        out.write("\n")
