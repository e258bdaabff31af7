"""CTranslate2, with the weights of one of our Transformers: text in, text out, SentencePiece around it; or tokens in,
tokens out, with nothing around it."""

from __future__ import annotations

import json
from pathlib import Path

import ctranslate2
import sentencepiece

from benchmarks.contender import Contender
from rnntext.jobs.load import load_translation
from rnntext.run.ctranslate2 import CTranslate2
from rnntext.run.ctranslate2_files import RESERVED_NAMES


class Translation(Contender):
    """Translates a file; counts lines, and leaves the answers in another file. With `ready`, lines are cut into tokens
    beforehand, and answers put together afterwards."""

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
        ready: bool = False,
    ) -> None:
        ours = load_translation(model)
        longest = max(ours.longest, most)  # it has no positions for answers beyond what its sources are taken to need
        converted = CTranslate2(ours.config, ours.engine.arrays, longest, compute_type=compute_type)  # type: ignore[attr-defined]
        words = {"shared_vocabulary.json": json.dumps(RESERVED_NAMES + ours.source.tokens).encode()}
        self.translator = ctranslate2.Translator(
            "peer",
            files=converted.files | words,
            compute_type=compute_type,
            inter_threads=workers,
            intra_threads=threads,
        )
        model_proto = ours.checkpoint.files["tokens.model"]
        self.subwords = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        self.lines, self.answers = Path(lines), Path(answers)
        self.options = {"beam_size": beam, "length_penalty": length_penalty, "disable_unk": True}
        self.options |= {"max_decoding_length": most, "max_batch_size": batch_tokens, "batch_type": "tokens"}
        self.ready, self.sources, self.found = ready, self._sources(), list[list[str]]()
        self.answered: list[str] = []

    def _sources(self) -> list[list[str]]:
        lines = self.lines.read_bytes().decode().removesuffix("\n").split("\n")
        return self.subwords.encode(lines, out_type=str)  # type: ignore[no-any-return]

    def run(self) -> float:
        results = self.translator.translate_batch(self.sources if self.ready else self._sources(), **self.options)
        self.found = [result.hypotheses[0] for result in results]
        if not self.ready:
            self.answered = self.subwords.decode_pieces(self.found)
        return float(len(self.found))

    def after(self) -> None:
        if self.ready:
            self.answered = self.subwords.decode_pieces(self.found)
        self.answers.write_text("".join(f"{line}\n" for line in self.answered), encoding="utf-8")
