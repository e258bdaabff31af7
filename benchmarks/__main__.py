"""python -m benchmarks [NAME]...: measures, prints tables, writes
benchmarks/results/PROCESSOR/NAME.json. See `make bench`."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from subprocess import CalledProcessError

from rich.console import Console

from benchmarks import forecast, report
from benchmarks.harness import QUICK, ContenderError, Length, measure
from benchmarks.options import Options

HERE = Path(__file__).parent
COMPARISONS = (
    "train_charlm",
    "train_gru",
    "generate",
    "score",
    "train_translate",
    "translate_transformer",
    "translate_gru",
    "cold_start",
    "start_up",
    "short_lines",
    "prepare_text",
    "beside_training",
    "whole_run",
)
FORECAST = "forecast"  # compares errors, not speeds
NAMES = (*COMPARISONS, FORECAST)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=f"One of: {', '.join(NAMES)}.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to compare; all without")
    parser.add_argument("--data", type=Path, help="folder with input.txt (tinyshakespeare), train.en, train.de, ...")
    parser.add_argument("--rounds", type=int, default=Length.rounds)
    parser.add_argument("--quick", action="store_true", help="see only that all works: tiny models, short turns")
    parser.add_argument("--markdown", action="store_true", help="print what was measured last, for BENCHMARKS.md")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(NAMES)}")
    options = Options(given.data, given.quick, HERE / "work" / ("quick" if given.quick else "full"))
    if given.markdown:
        for name in given.names or COMPARISONS:
            files = sorted((HERE / "results").glob(f"*/{name}.json"))
            if files and name != FORECAST:
                records = [json.loads(path.read_text(encoding="utf-8")) for path in files]
                print(f"### {name}\n\n{report.markdown(records)}")
        return
    length = QUICK if given.quick else Length(rounds=given.rounds)
    console = Console(width=None if sys.stdout.isatty() else 140)
    if given.quick:
        console.print("Tiny models, short turns, one setting: this shows that all works; the figures mean nothing.")
    failed = [name for name in given.names or NAMES if not compare(name, options, length, console)]
    if failed:
        parser.exit(1, f"not measured: {', '.join(failed)}\n")


def results(name: str, options: Options) -> Path:
    """The file of a comparison's results on this processor; those of a quick run mean nothing, and are put aside."""
    return (options.work if options.quick else HERE) / "results" / report.folder(report.machine()) / f"{name}.json"


def compare(name: str, options: Options, length: Length, console: Console) -> bool:
    """Measures one comparison, row after row; what is finished is kept. Returns whether all of it worked."""
    if name == FORECAST:
        return forecast.compare(results(name, options), options, console)
    began, done, whole = report.machine(), [], True
    comparison = importlib.import_module(f"benchmarks.comparisons.{name}")
    console.rule(name)
    rows = comparison.rows(options)
    with console.status(name) as status:
        while True:
            what = name
            try:
                if (row := next(rows, None)) is None:  # which may train a model first
                    break
                what = row.what
                done.append(measure(row, length, status.update))
            except (ContenderError, CalledProcessError, ValueError) as error:
                console.print(f"{what}: {error}", highlight=False, markup=False)
                whole = False
                continue
            whole = whole and not done[-1]["missing"]
            report.write(results(name, options), report.record(done, began))
    report.show(done, console)
    return whole


if __name__ == "__main__":
    main()
