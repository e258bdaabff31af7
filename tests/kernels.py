"""Runs the tests that compute under several kinds of kernels: no result may depend on how a processor rounds.

    make test-kernels                               every kind that this processor can run
    make test-kernels KIND=one-core                 one of them
    make test-kernels TESTS="tests/run tests/jobs"  other files

Before the tests of a kind begin, a process like theirs tells which kernels it really uses.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = [
    *(f"tests/{floor}" for floor in ("train", "run", "jobs", "golden", "soak", "examples")),
    *(f"tests/cli/test_{name}.py" for name in ("train_charlm", "train_translate", "generate", "score", "translate")),
    "tests/cli/test_forecast.py",
]
CHOOSING = ("OPENBLAS_CORETYPE", "ONEDNN_MAX_CPU_ISA", "KERNELS_AUTO", "PYTHONPATH")

# Tells what a process like those of the tests, and one that they would start, computes with.
PROBE = """
import json, os, subprocess, sys
import numpy, threadpoolctl
sys.path.append("tests")
from cli.shell import CLEAN
from rnntext.train import tensorflow
from rnntext.train.precision import choose
tensorflow.start(1)
import tensorflow as tf
a = tf.ones([64, 64])
tf.linalg.matmul(a, a)
code = "from rnntext.train.precision import choose; print(choose('auto'))"
child = subprocess.run([sys.executable, "-c", code], env=CLEAN, stdout=subprocess.PIPE, text=True, check=True).stdout
blas = [library["architecture"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
found = {"OpenBLAS": " ".join(blas), "auto": choose("auto"), "auto of a child": child.strip()}
print("FOUND" + json.dumps(found | {"cores": str(len(os.sched_getaffinity(0)))}))
"""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to compute.

    Attributes:
        expected: what the probe must tell.
        environment: how it is chosen.
        needs: what the processor must have.
        before: what the command line begins with.
    """

    expected: Mapping[str, str]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needs: str = ""
    before: tuple[str, ...] = ()


def openblas(name: str, needs: str) -> Kind:
    return Kind({"OpenBLAS": name}, {"OPENBLAS_CORETYPE": name}, needs)


def onednn(name: str, told: str, needs: str) -> Kind:
    return Kind({"oneDNN": told}, {"ONEDNN_MAX_CPU_ISA": name}, needs)


def auto(precision: str) -> Kind:
    environment = {"KERNELS_AUTO": precision, "PYTHONPATH": str(ROOT / "tests")}  # where sitecustomize.py is
    return Kind({"auto": precision, "auto of a child": precision}, environment)


KINDS = {
    "own": Kind({}),  # OpenBLAS and oneDNN choose, as they always do
    "openblas-nehalem": openblas("Nehalem", "sse4_2"),
    "openblas-sandybridge": openblas("Sandybridge", "avx"),
    "openblas-haswell": openblas("Haswell", "avx2"),
    "openblas-skylakex": openblas("SkylakeX", "avx512bw"),
    "onednn-sse41": onednn("SSE41", "SSE4.1", "sse4_1"),
    "onednn-avx2": onednn("AVX2", "AVX2", "avx2"),
    "onednn-avx512": onednn("AVX512_CORE", "AVX512DQ", "avx512bw"),
    "auto-float32": auto("float32"),
    "auto-bfloat16": auto("bfloat16"),  # emulated, where the processor has none
    "one-core": Kind({"cores": "1"}, before=("taskset", "-c", str(min(os.sched_getaffinity(0))))),
}


def probe(kind: Kind, environment: Mapping[str, str]) -> dict[str, str]:
    """What is computed with."""
    command = [*kind.before, sys.executable, "-c", PROBE]
    told = {**environment, "ONEDNN_VERBOSE": "1"}
    done = subprocess.run(command, env=told, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    isa = re.search(r"^onednn_verbose,.*info,cpu,isa:(.*)$", done.stdout, re.MULTILINE)
    used = re.search(r"^onednn_verbose,.*primitive,exec,cpu,(gemm_api|matmul)", done.stdout, re.MULTILINE)
    found = json.loads(re.findall(r"^FOUND(.*)$", done.stdout, re.MULTILINE)[0])
    return {**found, "oneDNN": isa[1] if isa and used else "not used"}


def run(name: str, tests: list[str]) -> bool:
    """Runs the tests under a kind of kernels and says how it went; whether none failed."""
    kind = KINDS[name]
    if kind.needs and kind.needs not in Path("/proc/cpuinfo").read_text().split():
        print(f"{name}: not available: this processor has no {kind.needs}", flush=True)
        return True
    kept = {key: value for key, value in os.environ.items() if key not in CHOOSING}
    environment = {**kept, **kind.environment}
    found = probe(kind, environment)
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in found.items()), flush=True)
    missing = {key: value for key, value in kind.expected.items() if value not in found[key]}
    if missing:
        print(f"{name}: FAILED: these kernels are not in use: {missing}", flush=True)
        return False
    command = [*kind.before, sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *tests], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.rstrip().splitlines()
    print(f"{name}: {lines[-1] if lines else 'nothing was run'}", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", help="files or folders; without any, all that compute")
    parser.add_argument("--kind", choices=KINDS, action="append")
    options = parser.parse_args()
    kept = [run(name, options.tests or TESTS) for name in options.kind or KINDS]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
