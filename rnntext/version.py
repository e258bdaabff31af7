"""The version of rnntext."""

__version__ = "0.2.0"
