"""One BLAS thread: threads that spin for a busy core make small products many times slower beside other load."""

from __future__ import annotations

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """A context in which NumPy's matrix products use one thread."""
    return threadpool_limits(1, "blas")
