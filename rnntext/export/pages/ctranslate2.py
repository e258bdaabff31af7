"""Translates lines greedily: python example.py < lines.txt."""

from pathlib import Path

import ctranslate2
from tokens import about, join, lines, split, target_tokens

NAMES = ["<blank>", "<unk>", "<s>", "</s>"]  # CTranslate2's names of the reserved ids
target_names = [*NAMES, *target_tokens[len(NAMES) :]]
never = [[target_names[number]] for number in about["forbidden"]]
never += [[target_names[number] for number in pair] for pair in about["forbidden_pairs"]]
translator = ctranslate2.Translator(str(Path(__file__).parent), compute_type="float32", intra_threads=1)

for line in lines():
    source = split(line)
    tokens: list[str] = []
    if source:
        (result,) = translator.translate_batch(
            [source],
            beam_size=1,
            suppress_sequences=never,
            max_input_length=0,
            max_decoding_length=min(2 * len(source) + 10, about["positions"]),
        )
        tokens = result.hypotheses[0]
    print(join(tokens), flush=True)
