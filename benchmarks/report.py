"""What is shown and kept of a benchmark: a table, and a JSON file with every round."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness import named

PACKAGES = ("rnntext", "numpy", "tensorflow", "keras", "torch", "ctranslate2", "sentencepiece")
FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def machine() -> dict[str, Any]:
    """What it was measured on, and whether others were using it (`load`: Linux's average of the last minute)."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    model = re.search(r"^model name\s*: (.*)$", info, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    words = set(info.split())
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "features": [feature for feature in FEATURES if feature in words],
        "memory_gb": round(int(memory[1]) / 1e6) if memory else None,
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that take part."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def command(arguments: Sequence[str]) -> str:
    """How it was measured; where data lie on this machine is nobody's business."""
    told = ["FOLDER" if before == "--data" else word for before, word in zip(["", *arguments], arguments)]
    return shlex.join(["python", "-m", "benchmarks", *told])


def record(rows: Sequence[dict[str, Any]], began: dict[str, Any]) -> dict[str, Any]:
    """All that is kept of a comparison; `began` is `machine()` as it was before."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command(sys.argv[1:]),
        "machine": {**began, "load_at_the_end": machine()["load"]},
        "versions": versions(),
        "rows": list(rows),
    }


def write(path: Path, kept: dict[str, Any]) -> None:
    """Writes a record, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def show(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Prints a table for each row, and below it what else is to be said."""
    for row in rows:
        table = Table(title=f"{row['what']} ({row['unit']} a second)", title_justify="left")
        table.add_column("ours")
        table.add_column("rate", justify="right")
        table.add_column("peer, at its best setting")
        for name in ("rate", "ratio", "range", "goal", "aim"):
            table.add_column(name, justify="right", no_wrap=True)
        for ratio in row["ratios"]:
            table.add_row(*_side(row, ratio["ours"]), *_side(row, ratio["peer"]), *_outcome(ratio))
        console.print(table)
        for note in _notes(row):
            console.print(note, highlight=False, markup=False, soft_wrap=True)


def _notes(row: dict[str, Any]) -> list[str]:
    """What else is to be said of a row."""
    without = [f"{peer} does not work here: {error}" for peer, error in row["missing"].items()]
    for name, side in row["sides"].items():
        if failed := [named(trial["setting"]) for trial in side["trials"] if "error" in trial]:
            without.append(f"{name} did not work with {'; '.join(failed)}")
    return [*without, *row["notes"]]


def markdown(kept: dict[str, Any]) -> str:
    """A record as it stands in BENCHMARKS.md."""
    where = kept["machine"]
    processor = f"{where['cores']} cores of {where['processor']} ({', '.join(where['features'])})"
    load = f"load before {where['load']}, after {where['load_at_the_end']}"
    packages = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    lines = [
        f"    {kept['command']}",
        "",
        f"{kept['time'][:10]}, {processor}, {load}; {packages}.",
        "",
        "| what | ours | a second | peer, at its best setting | a second | ratio | range | goal | aim |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in kept["rows"]:
        for ratio in row["ratios"]:
            cells = [f"{row['what']} ({row['unit']})", *_side(row, ratio["ours"]), *_side(row, ratio["peer"])]
            lines.append(f"| {' | '.join([*cells, *_outcome(ratio)])} |")
    notes = [f"- {row['what']}: {note}" for row in kept["rows"] for note in _notes(row)]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _side(row: dict[str, Any], name: str) -> tuple[str, str]:
    side = row["sides"][name]
    return name + (f" ({named(side['setting'])})" if side["setting"] else ""), _number(side["rate"])


def _outcome(ratio: dict[str, Any]) -> tuple[str, str, str, str]:
    median, rounds = ratio["median"], ratio["rounds"]
    wanted = (_wanted(ratio[limit], median) for limit in ("goal", "aim"))
    return f"{median:.2f}", f"{min(rounds):.2f}-{max(rounds):.2f}", *wanted  # type: ignore[return-value]


def _number(value: float) -> str:
    """A rate; what takes longer than a second is told by its duration."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"1 in {1 / value:.3g} s"


def _wanted(limit: float | None, ratio: float) -> str:
    return "" if limit is None else f"{limit:g} {'✓' if ratio >= limit else '✗'}"
