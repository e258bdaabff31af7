"""In which data type matrix products are computed."""

from __future__ import annotations

from rnntext.train.processor import features


def choose(precision: str) -> str:
    """The data type itself, "float32" or "bfloat16"; of "auto" the one that is faster here.

    "auto" becomes "bfloat16" on a processor that multiplies it natively; elsewhere it would be emulated, and slower.
    """
    if precision != "auto":
        return precision
    native = features() & {"avx512_bf16", "amx_bf16"}
    return "bfloat16" if native else "float32"
