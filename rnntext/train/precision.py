"""In which type matrix products are computed."""

from __future__ import annotations

from rnntext.processor import features


def choose(precision: str) -> str:
    """ "auto" becomes "bfloat16" on a processor that multiplies it natively; elsewhere, where it would be emulated and
    slower, "float32"."""
    if precision != "auto":
        return precision
    return "bfloat16" if features() & {"avx512_bf16", "amx_bf16"} else "float32"
