"""In which data type matrix products are computed."""

from __future__ import annotations

import math

from rnntext.train.processor import features

MIN_PARAMETERS = 1_500_000  # of a translator: in a smaller one the casts take longer than the products gain


def choose(precision: str, parameters: float = math.inf) -> str:
    """The data type itself, "float32" or "bfloat16"; of "auto" the one that is faster here.

    "auto" becomes "bfloat16" on a processor that multiplies it natively; elsewhere it would be emulated, and slower.

    Args:
        precision: "auto", or what is returned.
        parameters: of a translator, their number.
    """
    if precision != "auto":
        return precision
    native = features() & {"avx512_bf16", "amx_bf16"}
    return "bfloat16" if native and parameters >= MIN_PARAMETERS else "float32"
