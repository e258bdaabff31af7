"""The translation models in PyTorch, written as its users write them, with the same shapes as ours: a Transformer of
`nn.TransformerEncoderLayer`s and `nn.TransformerDecoderLayer`s, and a GRU encoder-decoder with additive attention.
They train, and they can take our weights.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

from benchmarks.contender import Contender
from benchmarks.peers.torch_charlm import prepare

PAD, UNKNOWN, START, END = range(4)
DROPOUT, SMOOTHING = 0.3, 0.1


class Embedding(nn.Embedding):
    """Source, target and output layer share it; scaled up by the square root of its width."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__(vocabulary, width)
        nn.init.normal_(self.weight, std=width**-0.5)

    def forward(self, ids: Tensor) -> Tensor:
        """`[batch, time]` to `[batch, time, width]`."""
        return super().forward(ids) * math.sqrt(self.embedding_dim)


class Translator(nn.Module):
    """What both models have in common: embedding, dropout of it, output layer."""

    def __init__(self, vocabulary: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = Embedding(vocabulary, width)
        self.dropout = nn.Dropout(dropout)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """The decoder's output `[batch, target, width]` for ids `[batch, source]` and `[batch, target]`."""
        raise NotImplementedError

    def logits(self, x: Tensor) -> Tensor:
        """`[..., width]` to `[..., vocabulary]`."""
        return nn.functional.linear(x, self.embedding.weight, self.bias)


class Transformer(Translator):
    """Pre-norm, sinusoidal positions."""

    def __init__(
        self, vocabulary: int, layers: int, units: int, heads: int, feedforward: int, dropout: float = 0.0
    ) -> None:
        super().__init__(vocabulary, units, dropout)
        shape: dict[str, Any] = {"dim_feedforward": feedforward, "dropout": dropout, "layer_norm_eps": 1e-6}
        shape |= {"batch_first": True, "norm_first": True}
        encoder, decoder = (
            kind(units, heads, **shape) for kind in (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
        )
        norm = nn.LayerNorm(units, 1e-6)
        self.encoder = nn.TransformerEncoder(encoder, layers, norm, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder, layers, nn.LayerNorm(units, 1e-6))
        for layer in [*self.encoder.layers, *self.decoder.layers]:  # as ours: only what a block adds is dropped out
            layer.dropout.p = layer.self_attn.dropout = 0.0
            if hasattr(layer, "multihead_attn"):
                layer.multihead_attn.dropout = 0.0
        rates = 10000.0 ** (-torch.arange(0, units, 2) / units)
        angles = torch.arange(1024)[:, None] * rates
        self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], dim=1))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.decode(target, self.encode(source), source == PAD)

    def encode(self, source: Tensor) -> Tensor:
        """Memory `[batch, source, units]`."""
        return self.encoder(self._embedded(source), src_key_padding_mask=source == PAD)

    def decode(self, target: Tensor, memory: Tensor, padding: Tensor) -> Tensor:
        """The decoder's output `[batch, target, units]`."""
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1]).isinf()
        return self.decoder(
            self._embedded(target), memory, tgt_mask=mask, tgt_is_causal=True, memory_key_padding_mask=padding
        )

    def _embedded(self, ids: Tensor) -> Tensor:
        return self.dropout(self.embedding(ids) + self.positions[: ids.shape[1]])

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes the weights of a checkpoint of ours."""
        state = {"embedding.weight": arrays["source.embedding"], "bias": arrays["logits.bias"]}
        state["positions"] = self.positions.numpy()
        for side in ("encoder", "decoder"):
            state |= _norm(f"{side}.norm", arrays, f"{side}.norm")
            for n in range(len(getattr(self, side).layers)):
                state |= _layer(f"{side}.layers.{n}", arrays, f"{side}.{n}")
        self.load_state_dict(_tensors(state))


class GRU(Translator):
    """A bidirectional encoder; the first decoder layer attends, the others and the output see what it found."""

    def __init__(self, vocabulary: int, layers: int, units: int, embedding: int, dropout: float = 0.0) -> None:
        super().__init__(vocabulary, embedding, dropout)
        between = dropout if layers > 1 else 0.0
        self.encoder = nn.GRU(embedding, units, layers, batch_first=True, bidirectional=True, dropout=between)
        self.bridge = nn.ModuleList(nn.Linear(2 * units, units) for _ in range(layers))
        inputs = [embedding] + [3 * units] * (layers - 1)
        self.decoder = nn.ModuleList(nn.GRU(size, units, batch_first=True) for size in inputs)
        self.keys = nn.Linear(2 * units, units, bias=False)
        self.query = nn.Linear(units, units)
        self.score = nn.Linear(units, 1, bias=False)
        self.output = nn.Linear(3 * units, embedding)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory, states = self.encode(source)
        return self.decode(target, memory, self.keys(memory), source == PAD, states)[0]

    def encode(self, source: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Memory `[batch, source, 2 units]` and the decoder's first states, each `[batch, units]`."""
        x = self.dropout(self.embedding(source))
        lengths = (source != PAD).sum(dim=1)
        packed, final = self.encoder(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        memory, _ = pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])
        last = torch.cat([final[-2], final[-1]], dim=-1)
        return self.dropout(memory), [torch.tanh(layer(last)) for layer in self.bridge]

    def decode(
        self, target: Tensor, memory: Tensor, keys: Tensor, padding: Tensor, states: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """The decoder's output `[batch, target, embedding]`, and its states after the last token."""
        x, after = self.dropout(self.embedding(target)), []
        context = None
        for layer, state in zip(self.decoder, states):
            h, final = layer(x, state[None])
            after.append(final[0])
            if context is None:
                scores = self.score(torch.tanh(self.query(h)[:, :, None] + keys[:, None]))[..., 0]
                weights = torch.softmax(scores.masked_fill(padding[:, None], -torch.inf), dim=-1)
                context = weights.to(memory.dtype) @ memory
            x = torch.cat([self.dropout(h), context], dim=-1)
        return self.dropout(torch.tanh(self.output(x))), after

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes the weights of a checkpoint of ours."""
        state = {"embedding.weight": arrays["source.embedding"], "bias": arrays["logits.bias"]}
        for n in range(len(self.decoder)):
            state |= _gru("encoder", f"l{n}", arrays, f"encoder.{n}.forward")
            state |= _gru("encoder", f"l{n}_reverse", arrays, f"encoder.{n}.backward")
            state |= _gru(f"decoder.{n}", "l0", arrays, f"decoder.{n}")
            state |= _linear(f"bridge.{n}", arrays, f"bridge.{n}")
        state |= _linear("query", arrays, "attention.query") | _linear("output", arrays, "output")
        state |= {"keys.weight": arrays["attention.keys.kernel"].T, "score.weight": arrays["attention.score"][None]}
        self.load_state_dict(_tensors(state))


MODELS = {"transformer": Transformer, "gru": GRU}
Arrays = dict[str, np.ndarray]


def _tensors(state: Arrays) -> dict[str, Tensor]:
    return {name: torch.tensor(np.ascontiguousarray(array)) for name, array in state.items()}


def _linear(name: str, arrays: Mapping[str, np.ndarray], ours: str) -> Arrays:
    return {f"{name}.weight": arrays[f"{ours}.kernel"].T, f"{name}.bias": arrays[f"{ours}.bias"]}


def _norm(name: str, arrays: Mapping[str, np.ndarray], ours: str) -> Arrays:
    return {f"{name}.weight": arrays[f"{ours}.scale"], f"{name}.bias": arrays[f"{ours}.bias"]}


def _layer(name: str, arrays: Mapping[str, np.ndarray], ours: str) -> Arrays:
    """A layer of a Transformer's encoder or decoder."""
    found = _attention(f"{name}.self_attn", arrays, f"{ours}.itself", "qkv")
    norms = ["itself", "feedforward"]
    if f"{ours}.source.query.kernel" in arrays:
        found |= _attention(f"{name}.multihead_attn", arrays, f"{ours}.source", "query", "memory")
        norms.insert(1, "source")
    for number, block in enumerate(norms, start=1):
        found |= _norm(f"{name}.norm{number}", arrays, f"{ours}.{block}.norm")
    found |= _linear(f"{name}.linear1", arrays, f"{ours}.feedforward.inner")
    return found | _linear(f"{name}.linear2", arrays, f"{ours}.feedforward.output")


def _attention(name: str, arrays: Mapping[str, np.ndarray], ours: str, *parts: str) -> Arrays:
    return {
        f"{name}.in_proj_weight": np.concatenate([arrays[f"{ours}.{part}.kernel"].T for part in parts]),
        f"{name}.in_proj_bias": np.concatenate([arrays[f"{ours}.{part}.bias"] for part in parts]),
    } | _linear(f"{name}.out_proj", arrays, f"{ours}.output")


def _gru(name: str, end: str, arrays: Mapping[str, np.ndarray], ours: str) -> Arrays:
    """Keras's gates are z, r, h; PyTorch's are r, z, n."""

    def ordered(columns: np.ndarray) -> np.ndarray:
        z, r, h = np.split(columns, 3, axis=-1)
        return np.concatenate([r, z, h], axis=-1)

    kernel, recurrent, bias = (arrays[f"{ours}.{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
    return {
        f"{name}.weight_ih_{end}": ordered(kernel).T,
        f"{name}.weight_hh_{end}": ordered(recurrent).T,
        f"{name}.bias_ih_{end}": ordered(bias[0]),
        f"{name}.bias_hh_{end}": ordered(bias[1]),
    }


class Pairs(Dataset[tuple[Tensor, Tensor]]):
    """Pairs of sentences: source ids, and target ids between START and END."""

    def __init__(self, ids: Mapping[str, np.ndarray]) -> None:
        self.sources, self.targets = (
            torch.split(torch.tensor(ids[f"{side}.ids"], dtype=torch.long), ids[f"{side}.lengths"].tolist())
            for side in ("source", "target")
        )

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.sources[index], torch.cat([torch.tensor([START]), self.targets[index], torch.tensor([END])])

    def __len__(self) -> int:
        return len(self.sources)


def collated(pairs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, ...]:
    """Pairs as arrays filled up with PAD."""
    return tuple(pad_sequence(side, batch_first=True, padding_value=PAD) for side in zip(*pairs))


class Training(Contender):
    """Steps of training on prepared ids, in the batches given with them; counts target tokens, ends included."""

    def __init__(
        self,
        ids: str,
        architecture: str,
        shape: dict[str, int],
        threads: int,
        malloc: str,
        precision: str = "float32",
        compiled: bool = False,
    ) -> None:
        prepare(threads, malloc)
        with np.load(ids) as file:
            batches = [part.tolist() for part in np.split(file["batches"], file["cuts"])]
            vocabulary = int(file["vocabulary"])
            loader = DataLoader(Pairs(file), batch_sampler=batches, collate_fn=collated)
        self.batches = itertools.chain.from_iterable(itertools.repeat(loader))
        self.model = MODELS[architecture](vocabulary, **shape, dropout=DROPOUT)
        self.loss = self._loss
        if compiled:
            self.model.compile(dynamic=True)
            self.loss = torch.compile(self._loss, dynamic=True)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, betas=(0.9, 0.98), fused=True)
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def _loss(self, hidden: Tensor, labels: Tensor) -> Tensor:
        logits = self.model.logits(hidden)
        return nn.functional.cross_entropy(logits.float(), labels, label_smoothing=SMOOTHING)

    def run(self) -> float:
        source, target = next(self.batches)
        labels = target[:, 1:]
        real = labels != PAD
        with self.autocast:
            loss = self.loss(self.model(source, target[:, :-1])[real], labels[real])
        self.optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        loss.item()
        return float(real.sum())
