"""What the processor can do, where Linux tells."""

from __future__ import annotations

MAX_CHARACTERS = 8192  # to be read: the first processor stands in them, and the others are like it


def features() -> set[str]:
    """Words such as "AuthenticAMD" and "avx512_bf16"; empty where /proc/cpuinfo cannot be read."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            text = file.read(MAX_CHARACTERS)
    except OSError:
        return set()
    return set(text.split())
