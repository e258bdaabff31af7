"""CTranslate2, with the weights of one of our Transformers: text in, text out, SentencePiece around it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import ctranslate2
import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec, common_spec

from benchmarks.contender import Contender
from rnntext.config import TransformerConfig
from rnntext.jobs.load import load_translation
from rnntext.run.attention import EPSILON
from rnntext.run.transformer import sinusoids

RESERVED = ["<blank>", "<unk>", "<s>", "</s>"]  # in the order of our ids
Arrays = Mapping[str, np.ndarray]


def converted(config: TransformerConfig, tokens: list[str], arrays: Arrays) -> TransformerSpec:
    """Our weights as CTranslate2's specification of a model."""
    spec = TransformerSpec.from_config(config.layers, config.heads, pre_norm=True)
    spec.config.layer_norm_epsilon = EPSILON
    spec.encoder.embeddings[0].weight = spec.decoder.embeddings.weight = arrays["source.embedding"]
    spec.decoder.projection.weight = arrays["source.embedding"]
    spec.decoder.projection.bias = arrays["logits.bias"]
    for side in ("encoder", "decoder"):
        part = getattr(spec, side)
        part.position_encodings.encodings = sinusoids(1024, config.units)
        _norm(part.layer_norm, arrays, f"{side}.norm")
        for number, layer in enumerate(part.layer):
            ours = f"{side}.{number}"
            _block(layer.self_attention, layer.self_attention.linear, arrays, f"{ours}.itself", "qkv", "output")
            if side == "decoder":
                other = layer.attention
                _block(other, other.linear, arrays, f"{ours}.source", "query", "memory", "output")
            linear = [layer.ffn.linear_0, layer.ffn.linear_1]
            _block(layer.ffn, linear, arrays, f"{ours}.feedforward", "inner", "output")
    spec.register_source_vocabulary(RESERVED + tokens)
    spec.register_target_vocabulary(RESERVED + tokens)
    spec.validate()
    spec.optimize()
    return spec


def _norm(spec: common_spec.LayerNormSpec, arrays: Arrays, name: str) -> None:
    spec.gamma, spec.beta = arrays[f"{name}.scale"], arrays[f"{name}.bias"]


def _block(block: object, linear: list[common_spec.LinearSpec], arrays: Arrays, ours: str, *names: str) -> None:
    """Layer normalisation and linear layers of a block."""
    _norm(block.layer_norm, arrays, f"{ours}.norm")  # type: ignore[attr-defined]
    for spec, name in zip(linear, names, strict=True):
        spec.weight = np.ascontiguousarray(arrays[f"{ours}.{name}.kernel"].T)
        spec.bias = arrays[f"{ours}.{name}.bias"]


class Translation(Contender):
    """Translates a file; counts lines, and leaves the answers in another file."""

    def __init__(
        self,
        model: str,
        lines: str,
        answers: str,
        beam: int,
        most: int,
        length_penalty: float = 1.0,
        compute_type: str = "float32",
        workers: int = 1,
        threads: int = 1,
        batch_tokens: int = 1024,
    ) -> None:
        ours = load_translation(model)
        with tempfile.TemporaryDirectory() as path:
            converted(ours.config, ours.source.tokens, ours.engine.arrays).save(path)  # type: ignore[arg-type,attr-defined]
            self.translator = ctranslate2.Translator(
                path, compute_type=compute_type, inter_threads=workers, intra_threads=threads
            )
        model_proto = ours.checkpoint.files["tokens.model"]
        self.subwords = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        self.lines, self.answers = Path(lines), Path(answers)
        self.options = {"beam_size": beam, "length_penalty": length_penalty, "disable_unk": True}
        self.options |= {"max_decoding_length": most, "max_batch_size": batch_tokens, "batch_type": "tokens"}
        self.found: list[str] = []

    def run(self) -> float:
        lines = self.lines.read_text(encoding="utf-8").splitlines()
        sources = self.subwords.encode(lines, out_type=str)
        results = self.translator.translate_batch(sources, **self.options)
        self.found = self.subwords.decode_pieces([result.hypotheses[0] for result in results])
        return float(len(self.found))

    def after(self) -> None:
        self.answers.write_text("".join(f"{line}\n" for line in self.found), encoding="utf-8")
