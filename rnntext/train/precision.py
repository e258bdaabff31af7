"""In which type matrix products are computed."""

from __future__ import annotations

from pathlib import Path


def choose(precision: str) -> str:
    """ "auto" becomes "bfloat16" on a processor that multiplies it natively, else "float32"."""
    if precision != "auto":
        return precision
    return "bfloat16" if _native_bfloat16() else "float32"


def _native_bfloat16() -> bool:
    """Whether Linux reports AVX512_BF16 or AMX. Elsewhere bfloat16 would be emulated, and slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
