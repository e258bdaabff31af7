"""A process that loads hostile checkpoints, one after another, and tells everything that it should not have done.

    python -m fuzz.worker FOLDER FIRST END    mutants by number
    python -m fuzz.worker FOLDER              the checkpoints that lie in it

Writes a line of JSON for each: what became of it, what it did, and its peak memory. Before each it says which comes, so
that one which ends the process is known.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType

import numpy as np
from fuzz.mutants import mutant
from fuzz.sealed import BASES, GOLDEN

from rnntext.errors import CheckpointError, UsageError
from rnntext.jobs.characters import CharacterModel
from rnntext.jobs.load import load
from rnntext.jobs.translation import TranslationModel
from rnntext.settings.charlm import SamplingConfig
from rnntext.settings.search import SearchConfig

_trim = ctypes.CDLL(None).malloc_trim
MOST = 10 * 2**20  # bytes of a checkpoint that are counted: files of holes are long
SECONDS = 20  # for one checkpoint; a busy machine needs much less
FORBIDDEN = (
    "exec",
    "subprocess.",
    "os.",
    "socket.",
    "ctypes.",
    "pty.",
    "shutil.",
    "pickle.",
    "marshal.",
    "webbrowser.",
)
HARMLESS = {"os.listdir", "os.scandir", "shutil.rmtree", "os.putenv"}


class Guard:
    """Watches what Python does while it is armed: no code, no process, no connection, and no file elsewhere."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple) -> None:
        if self.folder is None:
            return
        bad = event.startswith(FORBIDDEN) and event not in HARMLESS
        if event == "open":
            bad = not isinstance(arguments[0], str) or not os.path.realpath(arguments[0]).startswith(self.folder)
        if event == "import" and arguments[0].partition(".")[0] in ("tensorflow", "keras", "pickle", "torch"):
            bad = True
        if bad:
            self.seen.append(f"{event} {arguments!r:.200}")


def _use(folder: Path) -> str:
    """Loads a checkpoint as any command does, and works with it a little."""
    model = load(folder)
    if isinstance(model, CharacterModel):
        text = "".join(model.generate("The ", length=8, seed=1, on_unknown="skip", sampling=SamplingConfig()))
        bits, _ = model.score("It rained.\n")
        text.encode()
        return "loaded" if np.isfinite(bits) else "computed NaN"
    assert isinstance(model, TranslationModel)
    found = model.translate_all(["The mill is old."], SearchConfig(beam=2, max_length=8))
    found[0].text.encode()
    ((log_probability, _),) = model.score([("The mill is old.", "El molino es viejo.")])
    return "loaded" if np.isfinite(log_probability) or not found[0].source_tokens else "computed NaN"


def _outcome(folder: Path) -> str:
    try:
        return _use(folder)
    except CheckpointError as error:
        message = str(error)
        return "refused" if len(message) < 2000 and message.isprintable() else f"message {message[:80]!r}"
    except UsageError as error:
        return "refused" if "does not know" in str(error) else f"{error!r:.200}"
    except Exception as error:
        return f"{type(error).__name__} {error!s:.200}"


def _memory(name: str) -> int:
    """Bytes of this process, by the kernel: VmRSS now, VmHWM at the most since `_forget`."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def _forget() -> None:
    """Gives freed memory back, so that taking it again counts, and lets the peak begin anew."""
    _trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"took more than {SECONDS} s")


def examine(folder: Path, guard: Guard) -> dict:
    """What became of one checkpoint."""
    _forget()
    before = _memory("VmRSS")
    guard.seen = []
    signal.alarm(SECONDS)
    guard.folder = os.path.realpath(folder) + os.sep
    try:
        outcome = _outcome(folder)
    finally:
        guard.folder = None
        signal.alarm(0)
    return {"outcome": outcome, "seen": guard.seen, "peak": max(0, _memory("VmHWM") - before)}


def main() -> None:
    folder, numbers = Path(sys.argv[1]), [int(number) for number in sys.argv[2:]]
    signal.signal(signal.SIGALRM, _too_long)
    warnings.simplefilter("ignore")  # numbers near the end of float32
    for name in BASES:
        _use(GOLDEN / name)  # everything that is imported when first used
    for coding in ("utf-16", "utf-16-be", "utf-32"):
        "".encode(coding)  # mutants are written in them
    guard = Guard()
    print("armed", flush=True)
    for path in sorted(folder.iterdir()) if not numbers else ():
        print(json.dumps({"comes": path.name}), flush=True)
        size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
        print(json.dumps({"done": path.name, "size": min(size, MOST)} | examine(path, guard)), flush=True)
    for number in range(*numbers) if numbers else ():
        print(json.dumps({"comes": number}), flush=True)
        done, size = mutant(number, folder / "model")
        print(json.dumps({"done": done, "size": size} | examine(folder / "model", guard)), flush=True)
        shutil.rmtree(folder / "model")


if __name__ == "__main__":
    main()
