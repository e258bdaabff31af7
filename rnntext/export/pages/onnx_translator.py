"""Translates lines greedily: python example.py < lines.txt."""

from pathlib import Path

import numpy as np
import onnxruntime
from tokens import about, join, lines, source_tokens, split, target_tokens


def load(name: str) -> onnxruntime.InferenceSession:
    """A graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(Path(__file__).parent / name, options)


encoder, decoder = load("encoder.onnx"), load("decoder.onnx")
numbers = {token: number for number, token in enumerate(source_tokens)}
reserved = about["end"] + 1  # ids below are no tokens of a text
names = [one.name for one in decoder.get_inputs() if one.name != "ids"]
states = [one.name for one in decoder.get_outputs() if one.name.startswith("new_")]


def translate(line: str) -> str:
    """The greedy translation of a sentence."""
    # 1. Read the sentence.
    source = [numbers.get(token, about["unknown"]) for token in split(line)]
    if not source:
        return ""
    encoded = encoder.run(None, {"source": np.array([source])})
    feeds = dict(zip([one.name for one in encoder.get_outputs()], encoded))
    # 2. Take the best token, again and again.
    ids = [about["start"]]
    for _ in range(min(2 * len(source) + 10, about["positions"])):
        logits, *new = decoder.run(["logits", *states], {"ids": np.array(ids[-1:]), **{n: feeds[n] for n in names}})
        feeds |= {name.removeprefix("new_"): state for name, state in zip(states, new)}
        logits[0, about["forbidden"]] = -np.inf
        logits[0, [second for first, second in about["forbidden_pairs"] if first == ids[-1]]] = -np.inf
        if len(ids) == 1:
            logits[0, about["end"]] = -np.inf
        ids.append(int(logits[0].argmax()))
        if ids[-1] == about["end"]:
            break
    text: str = join([target_tokens[number] for number in ids if number >= reserved])
    return text


if __name__ == "__main__":
    for line in lines():
        print(translate(line), flush=True)
