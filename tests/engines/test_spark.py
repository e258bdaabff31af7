"""Spark, in one process and as a cluster of two workers: the same bytes as one process, whatever is killed."""

import json
from pathlib import Path

import numpy as np
import pytest
from engines.cluster import BIN, EXAMPLES, KILLS, Work, loads, run, translating, watched
from helpers import save_forecaster

import rnntext
from rnntext.settings.forecaster import ForecastConfig

LOCAL, CLUSTER = "local[2]", "local-cluster[2,1,1024]"
PARTS = 6
every_master = pytest.mark.parametrize("master", [LOCAL, CLUSTER])


def spark(master: str, example: str, part_size: int, *arguments: Path) -> list[str | Path]:
    """The command that runs an example on partitions of a size in bytes."""
    settings = {
        "spark.ui.enabled": "false",
        "spark.task.maxFailures": str(KILLS + 1),
        "spark.hadoop.mapreduce.input.fileinputformat.split.maxsize": str(part_size),
        "spark.sql.files.maxPartitionBytes": str(part_size),
        "spark.sql.files.openCostInBytes": "0",
    }
    options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    return [BIN / "spark-submit", "--master", master, *options, EXAMPLES / example, *arguments]


def written(target: Path) -> bytes:
    """What a job has written, which must have said that it is complete."""
    assert (target / "_SUCCESS").exists()
    parts = sorted(target.glob("part-*"))
    assert len(parts) > 1
    return b"".join(part.read_bytes() for part in parts)


def python_worker(arguments: list[bytes]) -> bool:
    """Whether these are the arguments of Spark's Python workers, and of the process that forks them."""
    return b"pyspark.daemon" in arguments


@every_master
def test_a_pipe_gives_the_answers_of_one_process(work: Work, target: Path, tmp_path: Path, master: str) -> None:
    command = spark(master, "spark_pipe.py", work.size // PARTS, work.model, work.source, target)
    assert run(command, tmp_path / "log") == (0, 0), (tmp_path / "log").read_text()[-2000:]
    assert written(target) == work.answers


@every_master
def test_so_do_pythons_workers(work: Work, target: Path, tmp_path: Path, master: str) -> None:
    command = spark(master, "spark_arrow.py", work.size // PARTS, work.model, work.source, target)
    watch = watched(tmp_path / "watch")
    assert run(command, tmp_path / "log", **watch) == (0, 0), (tmp_path / "log").read_text()[-2000:]
    assert written(target) == work.texts
    assert len(set(loads(watch))) == len(loads(watch)) < PARTS  # a worker loads the model once


def test_a_killed_command_fails_a_job_in_one_process(work: Work, target: Path, tmp_path: Path) -> None:
    command = spark(LOCAL, "spark_pipe.py", work.size // PARTS, work.model, work.source, target)
    code, killed = run(command, tmp_path / "log", victim=translating, busy=0.4)
    assert killed > 0
    assert code == 1
    assert not (target / "_SUCCESS").exists()
    assert "PIPE_FUNCTION_EXITED" in (tmp_path / "log").read_text()


def test_a_cluster_runs_killed_commands_again(work: Work, target: Path, tmp_path: Path) -> None:
    command = spark(CLUSTER, "spark_pipe.py", work.size // PARTS, work.model, work.source, target)
    assert run(command, tmp_path / "log", victim=translating, busy=0.4) == (0, KILLS)
    assert written(target) == work.answers


def test_a_cluster_runs_killed_workers_again(work: Work, target: Path, tmp_path: Path) -> None:
    command = spark(CLUSTER, "spark_arrow.py", work.size // PARTS, work.model, work.source, target)
    assert run(command, tmp_path / "log", victim=python_worker, busy=0.4) == (0, KILLS)
    assert written(target) == work.texts


def test_series_are_forecast_and_one_that_is_too_short_says_so(tmp_path: Path, target: Path) -> None:
    rng = np.random.default_rng(1)
    config = ForecastConfig(architecture="seasonal-naive", window=7, horizon=7)
    model = save_forecaster(tmp_path / "forecaster", config, rng.normal(10, 1, (280, 1)), season=7)
    series = {f"series {number}": rng.normal(10, 1, 20 + number).tolist() for number in range(100)}
    series["short"] = [1.0, 2.0]
    source = tmp_path / "series.jsonl"
    source.write_text("".join(json.dumps({"name": name, "values": series[name]}) + "\n" for name in series))
    command = spark(LOCAL, "spark_pandas.py", source.stat().st_size // 3, model, source, target)
    assert run(command, tmp_path / "log") == (0, 0), (tmp_path / "log").read_text()[-2000:]
    *records, short = map(json.loads, written(target).splitlines())
    forecaster = rnntext.load(model)
    assert records == [
        {"name": name, "forecast": forecaster.forecast(values).values[:, 0].tolist()}
        for name, values in list(series.items())[:-1]
    ]
    assert (short["name"], short["error"]) == ("short", "2 values: too few, as the model reads 7 before it predicts")
