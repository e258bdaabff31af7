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


def markdown(records: Sequence[dict[str, Any]]) -> str:
    """Records of one comparison as they stand in BENCHMARKS.md: a column for each processor.

    Args:
        records: of one processor each.
    """
    # 1. Say where and when.
    processors = [processor(kept["machine"]) for kept in records]
    lines = []
    for name, kept in zip(processors, records, strict=True):
        where = kept["machine"]
        load = f"load before {where['load']}, after {where['load_at_the_end']}"
        packages = ", ".join(f"{package} {version}" for package, version in kept["versions"].items())
        lines.append(f"- {name}: {kept['time'][:10]}, `{kept['command']}`, {where['cores']} cores, {load}; {packages}.")
    # 2. Put the ratios side by side.
    lines += ["", f"| what | ours | peer | goal | aim | {' | '.join(processors)} |", "|---" * (5 + len(records)) + "|"]
    columns = [_by_names(kept) for kept in records]
    for names in dict.fromkeys(names for column in columns for names in column):
        cells = [column.get(names, ("", "", "")) for column in columns]
        goal, aim = next((goal, aim) for _, goal, aim in cells if _)
        lines.append(f"| {' | '.join([*names, goal, aim, *(cell for cell, _, _ in cells)])} |")
    # 3. Add what else is to be said.
    notes = [
        f"- {name}: {row['what']}: {note}"
        for name, kept in zip(processors, records, strict=True)
        for row in kept["rows"]
        for note in _notes(row)
    ]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _by_names(kept: dict[str, Any]) -> dict[tuple[str, str, str], tuple[str, str, str]]:
    """The cell of each ratio of a record, its goal and its aim, by what is done and who does it."""
    cells = {}
    for row in kept["rows"]:
        for ratio in row["ratios"]:
            (_, rate), (setting, _) = _side(row, ratio["ours"]), _side(row, ratio["peer"])
            wanted = ["" if ratio[limit] is None else f"{ratio[limit]:g}" for limit in ("goal", "aim")]
            limits = [limit for limit in (ratio["goal"], ratio["aim"]) if limit is not None]
            met = "" if not limits else " ✓" if ratio["median"] >= limits[0] else " ✗"
            span = f"{min(ratio['rounds']):.2f}-{max(ratio['rounds']):.2f}"
            chosen = setting.removeprefix(ratio["peer"]).strip(" ()")
            cell = f"{ratio['median']:.2f}{met} ({span}); {rate}{f'; {chosen}' if chosen else ''}"
            cells[f"{row['what']} ({row['unit']})", ratio["ours"], ratio["peer"]] = (cell, *wanted)
    return cells  # type: ignore[return-value]


def processor(machine: dict[str, Any]) -> str:
    """The kind of a processor: its name, and the widest instructions that it has for products of matrices."""
    name = re.sub(r"\(R\)|\(TM\)|CPU|Processor|@.*", "", machine["processor"])
    features = [feature for feature in FEATURES if feature in machine["features"]]
    return ", ".join([" ".join(name.split()), *features[-1:]])


def folder(machine: dict[str, Any]) -> str:
    """The folder of a processor's results."""
    return re.sub(r"[^a-z0-9]+", "-", processor(machine).lower()).strip("-")


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
