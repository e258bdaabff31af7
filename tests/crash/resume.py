"""Promises 1, 2 and 6: whatever ends a training, and wherever, the same command goes on to the same end."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from cli.shell import CLEAN, PROGRAM, read_until
from crash.job import command, digests, signal_at, text
from soak.harness import ROOT, Case, Counts, Promise, check

PATIENCE = 300  # seconds for one process, on a busy machine
ROOMY = 40  # lines of text
SERIES = 200  # values of a series
LONG = 100_000  # steps that no test waits for
SMALL = {
    "charlm": "train-charlm text.txt --cell lstm --layers 2 --units 6 --embedding 4 --batch-size 2 --window 8 "
    "--dropout 0.3 --recurrent-dropout 0.2",
    "gru": "train-translate pairs.tsv --architecture gru --tokens word --layers 1 --units 6 --embedding 4 "
    "--batch-tokens 60 --dropout 0.3",
    "transformer": "train-translate pairs.tsv --layers 1 --units 8 --heads 2 --feedforward 8 --batch-tokens 60 "
    "--vocabulary-size 320 --dropout 0.3",
    "forecaster": "train-forecast series.csv --column value --layers 2 --units 4 --window 8 --horizon 3 "
    "--batch-size 8 --dropout 0.3",
}
HELD = {"charlm": "held.txt", "gru": "held.tsv", "transformer": "held.tsv"}  # a forecaster holds out its series' end
KINDS = tuple(SMALL)


def prepare(folder: Path) -> None:
    """What is trained on."""
    (folder / "text.txt").write_text(text(1, ROOMY))
    (folder / "held.txt").write_text(text(2, 4))
    lines, held = text(3, ROOMY).splitlines(), text(4, 4).splitlines()
    for name, sentences in {"pairs.tsv": lines, "held.tsv": held}.items():
        (folder / name).write_text("".join(f"{line}\t{' '.join(reversed(line.split()))}\n" for line in sentences))
    chance = random.Random(5)
    values = (math.sin(step / 5) + chance.gauss(0, 0.1) for step in range(SERIES))
    (folder / "series.csv").write_text("value\n" + "".join(f"{value:.4f}\n" for value in values))


def arguments(kind: str, folder: Path, model: str, steps: int) -> list[str]:
    """A training command."""
    words = SMALL[kind].split()
    words[1] = str(folder / words[1])
    held = ["--validation", str(folder / HELD[kind])] if kind in HELD else []
    common = [*held, "-m", str(folder / model), "--steps", str(steps), "--learning-rate", "0.01"]
    return [*words, *common, "--seed", "5"]


def end_of(model: Path) -> dict:
    """All that a finished run leaves and that does not depend on the time of day: digests of weights and vocabulary,
    the metrics, and every evaluation, each as it was found last."""
    version = model / "versions" / "000001"
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in version.iterdir() if p.suffix != ".json"}
    metrics = json.loads((version / "metrics.json").read_bytes())
    history = {}
    for line in (model / "history.jsonl").read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:  # cut short by a kill, and written again
            continue
        history[entry["step"]] = entry
    of_time = ("time", "seconds", "rate", "run")
    return {
        "files": files,
        "metrics": {k: v for k, v in metrics.items() if k not in of_time},
        "history": [{k: v for k, v in history[step].items() if k not in of_time} for step in sorted(history)],
    }


def process(words: list[str], *before: str) -> subprocess.Popen[bytes]:
    """A training in a process of its own."""
    environment = {**CLEAN, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    command = [*(before or PROGRAM), *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, preexec_fn=_usual_signals)


def _usual_signals() -> None:
    """A soak under nohup ignores SIGHUP, and so would all that it starts."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


# 1: killed ------------------------------------------------------------------------------------------------------------


def _ways_to_die(chance: random.Random, kills: int) -> list[str]:
    """A third at any time, a third after some step, a third inside what is written."""
    step, disk = f"step:{chance.randrange(1, 60)}", f"{chance.choice(['disk', 'half'])}:{chance.randrange(1, 150)}"
    found = [f"time:{chance.uniform(0.2, 9):.2f}", step, disk]
    return [found[index % 3] for index in range(kills)]


def killed(kind: str, seed: int, kills: int, folder: Path, ways: tuple[str, ...] = ()) -> Counts:
    """A chain of kills; then the training is allowed to end, and must end where an unbroken one does."""
    prepare(folder)
    steps, chance = 250, random.Random(f"{kind} {seed}")
    # In a process of its own, as all others are: what ran before in this one may change the rounding.
    with process(arguments(kind, folder, "unbroken", steps)) as first:
        _, err = first.communicate(timeout=PATIENCE)
        check(first.returncode == 0, err)
    words, died = arguments(kind, folder, "model", steps), 0
    for number in range(kills):
        way = ways[number] if ways else _ways_to_die(chance, 3)[number % 3]
        if (folder / "model" / "current").exists():
            break
        what, _, amount = way.partition(":")
        how = "never" if what == "time" else way
        with process(words, sys.executable, "-m", "crash.victim", how) as victim:
            try:
                _, err = victim.communicate(timeout=float(amount) if what == "time" else PATIENCE)
            except subprocess.TimeoutExpired:
                victim.kill()
                _, err = victim.communicate()
            check(victim.returncode in (0, -signal.SIGKILL), f"{way}: {victim.returncode} {err!r}")
            died += victim.returncode != 0
    with process(words) as last:
        _, err = last.communicate(timeout=PATIENCE)
        check(last.returncode == 0, err)
    if len(digests(folder / "model")) == 1:  # killed after the version was written, the run was repeated: a second one
        broken, whole = end_of(folder / "model"), end_of(folder / "unbroken")
        difference = {part: (broken[part], whole[part]) for part in whole if broken[part] != whole[part]}
        check(not difference, f"another end: {kind} {seed} {ways}: {difference}")
    first = {name: end_of(folder / name)["files"] for name in ("model", "unbroken")}
    check(first["model"] == first["unbroken"], f"other weights: {kind} {seed} {ways}")
    return {"chains": 1, "kills": died, "identical ends": 1}


# 2: cut ---------------------------------------------------------------------------------------------------------------


def cut(kind: str, chains: list[list[int]], steps: int, folder: Path) -> Counts:
    """Stops after certain steps, each time going on in the same process; the end is that of an unbroken run."""
    prepare(folder)
    check(command(*arguments(kind, folder, "unbroken", steps), "--quiet")[0] == 0, "the unbroken run failed")
    expected = end_of(folder / "unbroken")
    for number, chain in enumerate(chains):
        words = [*arguments(kind, folder, f"model{number}", steps), "--quiet"]
        for at in chain:
            with signal_at(lambda step, at=at: step == at):
                code, err = command(*words)
            check(code == 143, f"{code} {err}")
        code, err = command(*words)
        check(code == 0, err)
        check(end_of(folder / f"model{number}") == expected, f"{kind} cut at {chain}: another end")
    return {"cut points": sum(map(len, chains)), "identical ends": len(chains)}


# 6: asked to stop -----------------------------------------------------------------------------------------------------


def asked(number: int, times: int, seed: int, folder: Path) -> Counts:
    """A training that is asked to stop, again and again, goes on from where it stopped; the last time it is asked
    twice, and leaves at once."""
    prepare(folder)
    chance = random.Random(f"{number} {seed}")
    words, step, slowest = arguments("charlm", folder, "model", LONG), 0, 0.0
    for _ in range(times):
        with process(words) as running:
            assert running.stderr is not None
            begun = read_until(running.stderr.fileno(), b"training ")
            time.sleep(chance.uniform(0, 1.5))
            sent = time.monotonic()
            running.send_signal(number)
            err = (begun + running.communicate(timeout=PATIENCE)[1]).decode()
            slowest = max(slowest, time.monotonic() - sent)
            check(running.returncode == 128 + number, f"{running.returncode} {err}")
            if step:
                check(f"going on at step {step}" in err, err)
            saved = re.search(r"saved at step (\d+)", err)
            check(saved is not None and int(saved[1]) >= step, err)
            step = int(saved[1]) if saved else 0
    with process(words) as running:
        assert running.stderr is not None
        read_until(running.stderr.fileno(), b"training ")
        for _ in range(20):
            running.send_signal(number)
            time.sleep(0.001)
        _, rest = running.communicate(timeout=PATIENCE)
        check(running.returncode == 128 + number and b"saved" not in rest, f"{running.returncode} {rest!r}")
    check(not (folder / "model" / "current").exists(), "a version was written")
    return {"signals": times, "signals sent twice": 1, "most seconds until the end": round(slowest, 2)}


# --------------------------------------------------------------------------------------------------------------------


def cases_1(full: bool) -> list[Case]:
    if not full:
        ways = ("step:40", "half:33")
        return [Case("two kills", functools.partial(killed, "charlm", 0, 2, ways=ways))]
    runs = {"charlm": 20, "gru": 6, "transformer": 6, "forecaster": 6}
    return [
        Case(f"{kind} {seed}", functools.partial(killed, kind, seed, 10))
        for kind, count in runs.items()
        for seed in range(count)
    ]


def cases_2(full: bool) -> list[Case]:
    if not full:
        return [Case("charlm", functools.partial(cut, "charlm", [[1, 5]], 8))]
    tens = [[[at] for at in range(begin, begin + 10)] for begin in range(1, 61, 10)]
    return [
        *(Case(f"{kind} from {ten[0][0]}", functools.partial(cut, kind, ten, 61)) for kind in KINDS for ten in tens),
        *(Case(f"{kind} at an evaluation", functools.partial(cut, kind, [[99], [100], [101]], 130)) for kind in KINDS),
    ]


def cases_6(full: bool) -> list[Case]:
    if not full:
        return [Case("SIGHUP", functools.partial(asked, signal.SIGHUP, 1, 0))]
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    return [
        Case(f"{signal.Signals(number).name} {part}", functools.partial(asked, number, 10, part))
        for number in numbers
        for part in range(10)
    ]


PROMISE_1 = Promise(1, "Killed training ends where an unbroken run ends", cases_1)
PROMISE_2 = Promise(2, "Every cut point is equal", cases_2)
PROMISE_6 = Promise(6, "Stopping politely works", cases_6)
