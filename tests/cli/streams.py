"""Promises 12 to 15: commands in pipes. A line in is a line out, whoever its neighbours are, in flat memory."""

from __future__ import annotations

import functools
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from cli.shell import CLEAN, PATIENCE, PROGRAM
from golden.answers import HERE
from helpers import (
    KNOWN,
    UNKNOWN_LETTER,
    alphabet_weights,
    parts_of,
    save_charlm,
    save_forecaster,
    save_translator,
    shifted,
    shifting_weights,
)
from soak.harness import Case, Counts, Promise, check

from rnntext.jobs.load import load_translation
from rnntext.settings.forecaster import ForecastConfig
from rnntext.settings.search import SearchConfig
from rnntext.text.decoding import decode

LONGEST = 39  # tokens that the model knows

# rnntext with a translation model whose steps cost nothing: it answers each letter by itself, others by a "?".
_ECHO = """
import sys
import numpy as np
from rnntext.__main__ import main
from rnntext.run import transformer

UNKNOWN, END = 1, 3

class State:
    def __init__(self, sentences):
        self.sentences, self.length = sentences, 0
        self.attention = np.zeros((len(sentences), 1), np.float32)
    def keep(self, which):
        self.sentences = [self.sentences[i] for i in which]

def start(self, sentences, longest):
    return State(list(sentences))

def step(self, state, ids):
    logits = np.zeros((len(ids), len(self.target)), np.float32)
    at, state.length = state.length, state.length + 1
    letters = [s[at] if at < len(s) else END for s in state.sentences]
    logits[range(len(ids)), [letter if letter != UNKNOWN else -1 for letter in letters]] = 30
    return logits

transformer.Transformer.start, transformer.Transformer.step = start, step
main()
"""


def _numeral(number: int) -> str:
    """A number in letters."""
    letters = ""
    while number or not letters:
        number, digit = divmod(number, 26)
        letters = chr(ord("a") + digit) + letters
    return letters


def _nasty(count: int, longs: int) -> Iterator[bytes]:
    """Lines, most of which begin with their number, with everything in them that is no line end."""
    chance = random.Random(count)
    odd = ["\u2028", "\x85", "\x0b", "\x0c", "\0", "\r", "\ufeff", "\u2029", "\x1c", "é", "你", "😀", " ", "\t"]
    every = max(1, count // max(1, longs))
    for number in range(count):
        if number % every == every - 1:
            yield (_numeral(number) + " x" * 50_000).encode()[:100_000]
        elif number % 7 == 0:
            yield chance.choice([b"", b" \t ", b"\xc2\xa0"])
        else:
            line = _numeral(number) + " " + "".join(chance.choices([*odd, "a", "b", "c"], k=chance.randrange(6)))
            yield line.encode() + chance.choice([b"", b"", b"\xff", b"\xc3\x28"])


def _measured(words: list[str], folder: Path) -> float:
    """Runs a program to its end; the most memory, in megabytes, that it or one of its workers had."""
    with open(folder / "err.txt", "wb") as err, open(folder / "out.txt", "wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=err, env=CLEAN, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    said = (folder / "err.txt").read_text()
    check(process.returncode == 0 and "Traceback" not in said, f"{process.returncode} {said}")
    return usage.ru_maxrss / 1024


# 12 -------------------------------------------------------------------------------------------------------------------


def lines(count: int, longs: int, jobs: int, folder: Path) -> Counts:
    """As many lines out as lines in, in the same order, whatever is in them; only the model's steps are replaced."""
    path = save_translator(folder / "model", *shifting_weights(), longest=LONGEST)
    ends = random.Random(1)
    with open(folder / "in.txt", "wb") as file:
        for line in _nasty(count, longs):
            file.write(line + ends.choice([b"\n", b"\n", b"\r\n"]))
    words = ["translate", "in.txt", "-m", str(path), "--beam", "1", "--jobs", str(jobs)]
    _measured([sys.executable, "-c", _ECHO, *words], folder)
    model, known = load_translation(path), set(KNOWN) | {" "}
    wrong = total = 0
    with open(folder / "in.txt", "rb") as sources, open(folder / "out.txt", "rb") as answers:
        for source, answer in zip(sources, answers, strict=True):
            text = decode(source.removesuffix(b"\n").removesuffix(b"\r"), "", "replace")
            before, sentences, behind = model.lines.framed(text)
            parts = " ".join(parts_of(model, sentences))
            wanted = before + "".join(letter if letter in known else UNKNOWN_LETTER for letter in parts) + behind
            wrong += answer != wanted.encode() + (b"\r\n" if source.endswith(b"\r\n") else b"\n")
            total += 1
    check((wrong, total) == (0, count), f"{wrong} of {total} lines are not what was to come out")
    return {"lines": total, "of 100,000 characters": longs}


def real_lines(count: int, folder: Path) -> Counts:
    """The same with a real model."""
    path = save_translator(folder / "model", *shifting_weights(), longest=LONGEST)
    (folder / "in.txt").write_bytes(b"".join(line + b"\n" for line in _nasty(count, 1)))
    _measured([*PROGRAM, "translate", "in.txt", "-m", str(path), "--beam", "1", "--max-length", "8"], folder)
    model = load_translation(path)
    wanted = []
    for line in _nasty(count, 1):
        text = decode(line.removesuffix(b"\r"), "", "replace")
        answer = " ".join(shifted(part)[:8] for part in parts_of(model, text))
        wanted.append(answer + "\r" * line.endswith(b"\r"))  # with its line feed, that is a line end
    found = (folder / "out.txt").read_bytes().decode().split("\n")
    check(found == [*wanted, ""], "a real model's answers are not in their places")
    return {"lines of a real model": count}


def cases_12(full: bool) -> list[Case]:
    if not full:
        return [Case("2,000 lines", functools.partial(lines, 2_000, 1, 2))]
    return [
        *(Case(f"--jobs {jobs}", functools.partial(lines, 1_000_000, 20, jobs)) for jobs in (1, 2)),
        Case("a real model", functools.partial(real_lines, 10_000)),
    ]


# 13 -------------------------------------------------------------------------------------------------------------------


def neighbours(name: str, beam: int, count: int, folder: Path) -> Counts:
    """Answers of lines alone, in batches of several sizes, and shuffled, bit for bit."""
    model = load_translation(HERE / name)
    words = (HERE / name / "input.txt").read_text().split()
    chance = random.Random(beam)
    given = [" ".join(chance.choices(words, k=chance.randrange(1, 16))) for _ in range(count)]

    def answers(some: list[str], batch_tokens: int = 1024) -> list[tuple[str, float]]:
        found = model.translate_all(some, SearchConfig(beam=beam, batch_tokens=batch_tokens))
        return [(f.text, f.answers[0].log_probability) for f in found]

    alone = dict(zip(given, (answers([line])[0] for line in given), strict=True))
    for size in (2, 3, 5, 8, 16, 31, 64):
        for begin in range(0, count, size):
            some = given[begin : begin + size]
            check(answers(some, 10_000) == [alone[line] for line in some], f"{name}: batches of {size}: {some}")
    chance.shuffle(given)
    for batch_tokens in (1, 256, 4096):
        check(answers(given, batch_tokens) == [alone[line] for line in given], f"{name}: shuffled, {batch_tokens}")
    return {"lines": count, "answers compared": 10 * count}


def cases_13(full: bool) -> list[Case]:
    if not full:
        return [Case("60 lines", functools.partial(neighbours, "gru-word", 2, 60))]
    return [
        Case(f"{name}, beam {beam}", functools.partial(neighbours, name, beam, 1000))
        for name in ("gru-word", "transformer-subword")
        for beam in (1, 5)
    ]


# 14 -------------------------------------------------------------------------------------------------------------------

HEADS = {
    "generate": "generate a -n 100000000 --seed 1 -m charlm",
    "translate": "translate long.txt --beam 1 -m translator",
    "score": "score --per-line long.txt -m charlm",
    "translate --jobs": "translate long.txt --beam 1 --jobs 2 -m translator",
    "generate --count": "generate a -n 2000 --seed 1 -m charlm --count 50",
    "forecast": "forecast series.csv --horizon 100000 -q -m forecaster",
    "corpora show": "corpora show valley",
}


def heads(name: str, times: int, folder: Path) -> Counts:
    """A reader that takes one line and goes: SIGPIPE, and not a word."""
    home = folder / "home"
    save_charlm(home / "charlm", *alphabet_weights())
    save_translator(home / "translator", *shifting_weights(), longest=LONGEST)
    series = np.tile([10.0, 20.0, 30.0, 25.0, 15.0, 5.0, 0.0], 20)[:, None]
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=3)
    save_forecaster(home / "forecaster", config, series, season=7)
    (folder / "long.txt").write_text("hal\n" * 100_000)
    (folder / "series.csv").write_text("x\n" + "".join(f"{value[0]:g}\n" for value in series))
    pipeline = '"$@" 2>>err.txt | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"'
    words = ["bash", "-c", pipeline, "bash", *PROGRAM, *HEADS[name].split()]
    environment = {**CLEAN, "RNNTEXT_CHECKPOINTS": str(home)}
    for number in range(times):
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, timeout=PATIENCE)
        said = (folder / "err.txt").read_bytes()
        check((done.stdout, said) == (b"141\n", b""), f"{name}, time {number}: {done.stdout!r} {said!r}")
    return {f"{name} | head -n 1": times}


def cases_14(full: bool) -> list[Case]:
    if not full:
        return [Case("forecast", functools.partial(heads, "forecast", 1))]
    parts = {name: 20 if name in ("generate", "translate", "score") else 1 for name in HEADS}
    return [
        Case(f"{name} {part}", functools.partial(heads, name, 50))
        for name, count in parts.items()
        for part in range(count)
    ]


# 15 -------------------------------------------------------------------------------------------------------------------


def memory(few: int, many: int, jobs: int, folder: Path) -> Counts:
    """What many lines need more than few."""
    path = save_translator(folder / "model", *shifting_weights(), longest=LONGEST)
    needed = []
    for count in (few, many):
        with open(folder / "in.txt", "w") as file:
            file.writelines(f"the {_numeral(number)} sat on it\n" for number in range(count))
        words = ["translate", "in.txt", "-m", str(path), "--beam", "1", "--jobs", str(jobs)]
        needed.append(_measured([sys.executable, "-c", _ECHO, *words], folder))
    more = needed[1] - needed[0]
    check(more <= 50, f"{many} lines need {more:.1f} MB more than {few}")
    return {"lines": many, f"most megabytes more than for {few:,} lines": round(more, 1)}


def cases_15(full: bool) -> list[Case]:
    if not full:
        return [Case("5,000 lines", functools.partial(memory, 500, 5_000, 1))]
    return [Case(f"--jobs {jobs}", functools.partial(memory, 10_000, 1_000_000, jobs)) for jobs in (1, 2)]


PROMISE_12 = Promise(12, "Lines in = lines out", cases_12)
PROMISE_13 = Promise(13, "Neighbours don't matter", cases_13)
PROMISE_14 = Promise(14, "Good citizen of a pipe", cases_14)
PROMISE_15 = Promise(15, "It streams, in flat memory", cases_15)
