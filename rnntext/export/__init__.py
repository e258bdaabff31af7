"""Models in the formats of other programs."""

TARGETS = ("ctranslate2", "keras", "onnx", "text")
