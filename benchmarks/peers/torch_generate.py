"""Drawing characters with PyTorch: a loop over `LSTMCell`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.contender import Contender

VOCABULARY, EMBEDDING = 66, 128


class Step(nn.Module):
    """Reads a character of each stream and draws the next one."""

    def __init__(self, layers: int, units: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        self.cells = nn.ModuleList(nn.LSTMCell(units if i else EMBEDDING, units) for i in range(layers))
        self.logits = nn.Linear(units, VOCABULARY)

    def forward(self, ids: Tensor, states: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """`[streams]` to `[streams]`."""
        x, after = self.embedding(ids), []
        for cell, state in zip(self.cells, states):
            after.append(cell(x, state))
            x = after[-1][0]
        probabilities = torch.softmax(self.logits(x) / 0.8, dim=-1)
        return torch.multinomial(probabilities, 1)[:, 0], after


class Generation(Contender):
    """Counts characters of all streams together."""

    def __init__(self, layers: int, units: int, streams: int, characters: int, threads: int, how: str) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.step = Step(layers, units).eval()
        if how == "compiled":
            self.step.compile()
        self.start = [(torch.zeros(streams, units), torch.zeros(streams, units)) for _ in range(layers)]
        self.streams, self.characters = streams, characters

    @torch.inference_mode()
    def run(self) -> float:
        ids, states = torch.zeros(self.streams, dtype=torch.long), self.start
        for _ in range(self.characters):
            ids, states = self.step(ids, states)
        return float(self.streams * self.characters)
