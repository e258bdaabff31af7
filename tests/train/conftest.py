"""Brings TensorFlow up once, before any test module of this floor is imported."""

from __future__ import annotations

from rnntext.train import tensorflow

tensorflow.start(1)
