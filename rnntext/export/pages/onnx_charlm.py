"""Continues a text greedily: python example.py "The miller " 200."""

import json
import os
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import onnxruntime

# 1. Load the model; its metadata say all the rest.
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
model = onnxruntime.InferenceSession(Path(__file__).parent / "charlm.onnx", options)
about = model.get_modelmeta().custom_metadata_map
vocabulary = json.loads(about["vocabulary"])
forbidden = json.loads(about["forbidden"])
numbers = {character: number for number, character in enumerate(vocabulary)}

# 2. Make ids of the prompt, and states that have read nothing.
prompt = os.fsencode(sys.argv[1] if len(sys.argv) > 1 else "").decode(errors="replace")
prompt = re.sub("\r+\n", "\n", prompt)
if json.loads(about["config"])["lowercase"]:
    prompt = prompt.lower()
prompt = unicodedata.normalize("NFC", prompt)
ids = [numbers[character] for character in prompt if character in numbers] or [json.loads(about["start"])]
length = int(sys.argv[2]) if len(sys.argv) > 2 else 200
states = {one.name: np.zeros((1, one.shape[1]), np.float32) for one in model.get_inputs() if one.name != "ids"}
outputs = [one.name for one in model.get_outputs()]

# 3. Read the prompt, then what has been drawn.
sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
sys.stdout.write(prompt)
for position in range(len(ids) + length - 1):
    results = dict(zip(outputs, model.run(None, {"ids": np.array([ids[position]]), **states})))
    states = {name: results[f"new_{name}"] for name in states}
    if position >= len(ids) - 1:
        logits = results["logits"][0]
        logits[forbidden] = -np.inf
        ids.append(int(logits.argmax()))
        sys.stdout.write(vocabulary[ids[-1]])
sys.stdout.write("\n")
