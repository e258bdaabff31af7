"""The examples of trainings on several machines give each process its place."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples" / "many-machines"
# Stands in for rnntext: writes what it was started with.
RNNTEXT = """#!/usr/bin/env bash
printf '%s\\n' "$TF_CONFIG" "$@" > "$PLACES/$(date +%N).$$"
"""
# Stand in for SLURM: two nodes, on each of which the command runs once.
SCONTROL = """#!/usr/bin/env bash
[ "$*" = "show hostnames node[7-8]" ] && printf 'node7\\nnode8\\n'
"""
SRUN = """#!/usr/bin/env bash
[ "$1" = --ntasks-per-node=1 ] && shift
SLURM_PROCID=0 "$@" && SLURM_PROCID=1 "$@"
"""


def started(command: list[str], folder: Path, **environment: str) -> list[tuple[Any, list[str]]]:
    """Runs a command with stand-ins; TF_CONFIG and arguments of each rnntext that it starts, by index."""
    places = folder / "places"
    places.mkdir(exist_ok=True)
    for name, script in {"rnntext": RNNTEXT, "scontrol": SCONTROL, "srun": SRUN}.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PLACES": str(places), **environment}
    subprocess.run(command, check=True, env=environment, cwd=folder, timeout=60)
    found = []
    for file in places.iterdir():
        config, *arguments = file.read_text().splitlines()
        found.append((json.loads(config), arguments))
    return sorted(found, key=lambda each: each[0]["task"]["index"])


def test_slurm_gives_each_node_its_place(tmp_path: Path) -> None:
    words = ["train-charlm", "a book.txt", "--epochs", "2"]
    found = started([str(EXAMPLES / "slurm.sh"), *words], tmp_path, SLURM_JOB_NODELIST="node[7-8]", SLURM_PROCID="0")
    cluster = {"worker": ["node7:2222", "node8:2222"]}
    assert found == [({"cluster": cluster, "task": {"type": "worker", "index": n}}, words) for n in (0, 1)]


def test_kubernetes_gives_each_pod_its_place(tmp_path: Path) -> None:
    service, job = yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text())
    # 1. What makes the names of the pods known to one another.
    name, spec = job["metadata"]["name"], job["spec"]
    pod = spec["template"]["spec"]
    assert (service["kind"], service["apiVersion"], job["kind"], job["apiVersion"]) == (
        "Service",
        "v1",
        "Job",
        "batch/v1",
    )
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"]
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"]
    # 2. What is repeated: a policy for exit codes needs pods that are not restarted.
    assert pod["restartPolicy"] == "Never"
    [rule] = spec["podFailurePolicy"]["rules"]
    assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1, 2, 65, 74]}}
    # 3. What each pod runs.
    [container] = pod["containers"]
    command = [*container["command"], *container["args"]]
    for index in range(spec["completions"]):
        found = started(command, tmp_path, JOB_COMPLETION_INDEX=str(index))
    hosts = [f"{name}-{index}.{pod['subdomain']}:2222" for index in range(spec["completions"])]
    assert [config for config, _ in found] == [
        {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}} for index in range(len(hosts))
    ]
    assert {tuple(arguments[:1]) for _, arguments in found} == {("train-charlm",)}
    # 4. The claim is mounted where the command reads and writes.
    [volume] = pod["volumes"]
    [mount] = container["volumeMounts"]
    assert mount["name"] == volume["name"]
    model = re.search(r"--model (\S+)", command[-1])
    assert model is not None
    assert model[1].startswith(mount["mountPath"])
