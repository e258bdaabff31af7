"""Rates of the examples in examples/many-machines beside `rnntext translate --jobs 2`, in turns, on two cores.

    .venv-engines/bin/python -m benchmarks.engines MODEL LINES.txt [ROUNDS]

A job is timed from its command to its end, with the start of the engine. Two columns follow: lines a second, and the
ratio to `--jobs 2`, which has a turn of its own in each round. The last rows are the processor time that a partition
costs before its first line: of the command, and of a Python worker that has loaded NumPy before.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

EXAMPLES = Path(__file__).parents[1] / "examples" / "many-machines"
BIN = Path(sys.executable).parent
PARTS = 8
STARTS = 5
_LOAD = """
import sys, time, numpy, rnntext
begin = time.process_time()
rnntext.load(sys.argv[1])
print(time.process_time() - begin)
"""


def main(model: Path, source: Path, rounds: int = 1) -> None:
    """Prints the table."""
    lines = source.read_bytes().decode().removesuffix("\n").split("\n")
    with tempfile.TemporaryDirectory() as folder:
        jobs = _jobs(model.resolve(), source.resolve(), _parts(lines, Path(folder)), Path(folder))
        rates: dict[str, list[float]] = {name: [] for name in jobs}
        for number in range(rounds):
            for name in list(jobs)[number:] + list(jobs)[:number]:
                shutil.rmtree(Path(folder, "out"), ignore_errors=True)
                begin = time.perf_counter()
                jobs[name]()
                rates[name].append(len(lines) / (time.perf_counter() - begin))
                print(name, f"{rates[name][-1]:.0f}", file=sys.stderr, flush=True)
    print("| engine | lines a second | ratio |\n|---|---|---|")
    for name, values in rates.items():
        ratio = statistics.median(own / peer for own, peer in zip(values, rates["rnntext --jobs 2"], strict=True))
        print(f"| {name} | {statistics.median(values):.0f} | {ratio:.2f} |")
    print(f"start of the command: {statistics.median(_start(model) for _ in range(STARTS)):.2f} s")
    loads = [
        subprocess.run([sys.executable, "-c", _LOAD, model], capture_output=True, check=True) for _ in range(STARTS)
    ]
    print(f"load in a worker: {statistics.median(float(load.stdout) for load in loads):.2f} s")


def _parts(lines: list[str], folder: Path) -> Path:
    """A folder with the lines in files of text and of Parquet."""
    size = -(-len(lines) // PARTS)
    for kind in ("text", "parquet"):
        (folder / kind).mkdir()
    for number in range(PARTS):
        part = lines[number * size : (number + 1) * size]
        (folder / "text" / f"{number}.txt").write_bytes("".join(f"{line}\n" for line in part).encode())
        pq.write_table(pa.table({"text": part}), folder / "parquet" / f"{number}.parquet")
    return folder


def _jobs(model: Path, source: Path, parts: Path, folder: Path) -> dict[str, Callable[[], None]]:
    """The jobs by name."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYSPARK_PYTHON": sys.executable}
    size = source.stat().st_size // PARTS
    out = folder / "out"

    def job(*command: str | Path) -> Callable[[], None]:
        def run() -> None:
            with open(source) as stdin, open(folder / "answers", "w") as stdout:
                subprocess.run(
                    command, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL, env=environment, check=True
                )

        return run

    confs = ("hadoop.mapreduce.input.fileinputformat.split.maxsize", "sql.files.maxPartitionBytes")
    spark = [BIN / "spark-submit", "--master", "local[2]"]
    spark += [part for conf in confs for part in ("--conf", f"spark.{conf}={size}")]
    return {
        "rnntext --jobs 2": job(BIN / "rnntext", "translate", "--quiet", "--model", model, "--jobs", "2"),
        "GNU parallel": job(EXAMPLES / "parallel.sh", model, "--block", str(size), "--jobs", "2"),
        "Spark, pipe": job(*spark, EXAMPLES / "spark_pipe.py", model, source, out),
        "Spark, mapInArrow": job(*spark, EXAMPLES / "spark_arrow.py", model, source, out),
        "Ray Data": job(sys.executable, EXAMPLES / "ray_data.py", model, parts / "parquet", out),
        "Dask": job(sys.executable, EXAMPLES / "dask_bag.py", model, parts / "text" / "*.txt", out),
    }


def _start(model: Path) -> float:
    """Processor time in seconds that the command takes for one line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [BIN / "rnntext", "translate", "--quiet", "--model", model]
    subprocess.run(command, input=b"\n", stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
