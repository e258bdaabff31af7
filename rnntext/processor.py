"""What the processor can do, where Linux tells."""

from __future__ import annotations


def features() -> set[str]:
    """Words such as "AuthenticAMD" and "avx512_bf16"; empty where nobody tells."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            return set(file.read(8192).split())  # the first processor will do
    except OSError:
        return set()
