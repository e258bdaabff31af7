"""Models of Keras's own layers. Each file goes into an export as it is, so it imports nothing of rnntext."""
