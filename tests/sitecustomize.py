"""Python imports this at the start of every process that has `tests` on its PYTHONPATH. In a test run of
`make test-kernels` it hides or shows what `--precision auto` looks for, so that auto is float32 or bfloat16 on any
processor; rnntext itself has no such switch."""

import builtins
import io
import os

AUTO = os.environ.get("KERNELS_AUTO")  # float32, bfloat16, or nothing: the processor as it is
_open = builtins.open


def _opened(file, *arguments, **options):
    found = _open(file, *arguments, **options)
    if file != "/proc/cpuinfo":
        return found
    with found:
        text = found.read().replace("avx512_bf16", "").replace("amx_bf16", "")
    return io.StringIO("avx512_bf16 " + text if AUTO == "bfloat16" else text)


if AUTO:
    builtins.open = _opened
