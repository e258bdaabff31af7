"""The translation task: its loss, its batches, its evaluation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
import tensorflow as tf

from rnntext.settings.translator import TransformerConfig, TranslatorTraining
from rnntext.text.bpe_dropout import SubwordSampler
from rnntext.text.tokens import PAD, START, UNKNOWN
from rnntext.train.pipelines import SentenceIds, Vectorizer, learn_languages
from rnntext.train.translator_task import TranslatorTask

PAIRS = [
    (f"the {a} {b} is {c}", f"{c} {b} {a}") for a in ("old", "new") for b in ("mill", "boat") for c in ("red", "wet")
]
MODEL = TransformerConfig(layers=1, units=8, heads=2, feedforward=8)


def task(config=MODEL, **options) -> TranslatorTask:
    training = TranslatorTraining(
        **{"steps": 10, "vocabulary_size": 290, "batch_tokens": 64, "precision": "float32", **options}
    )
    languages = learn_languages(PAIRS, config, training)
    ids = tuple(SentenceIds(*Vectorizer(languages[side])([pair[side] for pair in PAIRS])) for side in (0, 1))
    return TranslatorTask(config, training, languages, ids, PAIRS[:3])


def test_padding_costs_nothing():
    trained = task(dropout=0.0)
    source, target = trained.batch(0)
    wider = np.pad(source, ((0, 0), (0, 3))), np.pad(target, ((0, 0), (0, 5)))
    losses = [float(trained.loss(tuple(map(tf.constant, batch)), [])[0]) for batch in ((source, target), wider)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_loss_is_the_mean_over_target_tokens_and_their_ends():
    trained = task(dropout=0.0, smoothing=0.0)
    source, target = trained.batch(0)
    logits = trained.model(tf.constant(source), tf.constant(target[:, :-1])).numpy().astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    costs = [-log_p[r, t, i] for r, row in enumerate(target[:, 1:]) for t, i in enumerate(row) if i != PAD]
    assert float(trained.loss((tf.constant(source), tf.constant(target)), [])[0]) == pytest.approx(
        np.mean(costs), rel=1e-5
    )


def test_evaluation_is_bleu_of_greedy_answers_and_nats_per_token():
    trained = task()
    metrics = trained.evaluate([np.asarray(v) for v in trained.model.trainable_variables])
    references = [[target for _, target in PAIRS[:3]]]
    assert metrics["bleu"] == sacrebleu.corpus_bleu(trained.answers, references).score
    nats, count = 0.0, 0
    for source, target in PAIRS[:3]:
        ids = [START, *trained.languages[1].encode(target)]
        inputs = tf.constant([trained.languages[0].encode(source)]), tf.constant([ids])
        logits = trained.model(*inputs).numpy()[0].astype(np.float64)
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        labels = [*ids[1:], 3]
        nats -= sum(log_p[t, i] for t, i in enumerate(labels))
        count += len(labels)
    assert metrics["nats_per_token"] == pytest.approx(nats / count, rel=1e-4)


def test_more_bleu_is_better_and_fewer_nats_break_a_tie():
    rank = task().family.rank
    assert rank({"bleu": 2.0, "nats_per_token": 9.0}) > rank({"bleu": 1.0, "nats_per_token": 1.0})
    assert rank({"bleu": 2.0, "nats_per_token": 1.0}) > rank({"bleu": 2.0, "nats_per_token": 2.0})


def test_examples_show_source_reference_and_answer():
    trained = task()
    trained.evaluate([np.asarray(v) for v in trained.model.trainable_variables])
    lines = trained.examples()
    assert lines[:2] == [f"  < {PAIRS[0][0]}", f"  = {PAIRS[0][1]}"]
    assert lines[2] == f"  > {trained.answers[0]}"
    assert len(lines) == 9


def test_subword_sampling_draws_other_segmentations_of_the_same_sentences():
    plain, sampled = task(subword_sampling=0.0), task(subword_sampling=0.1)
    for index in range(plain.steps_per_epoch):
        which = sampled.batches.pairs(index)
        assert which.tolist() == plain.batches.pairs(index).tolist()
        sources, _ = sampled.batch(index)
        language = sampled.languages[0]
        for row, pair in zip(sources, which, strict=True):
            assert language.decode(row) == PAIRS[pair][0]
            assert UNKNOWN not in row
    assert sampled.batch(0)[0].tolist() != plain.batch(0)[0].tolist()


def test_subword_sampling_makes_no_batch_much_wider():
    plain, sampled = task(subword_sampling=0.0), task(subword_sampling=0.3)
    for index in range(4 * plain.steps_per_epoch):
        for usual, drawn, ends in zip(plain.batch(index), sampled.batch(index), (0, 2), strict=True):
            assert drawn.shape[1] - ends <= 1.25 * (usual.shape[1] - ends)


def test_nothing_left_out_gives_the_usual_segmentation():
    subwords = task().languages[0].tokenizer
    sampler = SubwordSampler(subwords, 0.0, seed=1)
    for text in [*(text for pair in PAIRS for text in pair), "mill", "☃ x", "wet ▁ old", "reddest oldboat 😀"]:
        assert sampler.split(text, np.random.default_rng(0)) == subwords.split(text)


def test_everything_left_out_gives_characters():
    sampler = SubwordSampler(task().languages[0].tokenizer, 1.0, seed=1)
    assert "".join(sampler.split("the mill", np.random.default_rng(0))) == "▁the▁mill"
    assert all(len(piece) == 1 for piece in sampler.split("the mill", np.random.default_rng(0)))


def test_another_process_draws_the_same_segmentations():
    code = """
from rnntext.train import tensorflow
tensorflow.start(1)
from train.test_translator_task import task
print([task(subword_sampling=0.1).batch(n)[0].tolist() for n in (0, 5)])
"""
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    sampled = task(subword_sampling=0.1)
    assert done.stdout.strip() == str([sampled.batch(n)[0].tolist() for n in (0, 5)])


def test_what_is_sampled_is_a_function_of_seed_and_batch():
    first, again, other = task(subword_sampling=0.1), task(subword_sampling=0.1), task(subword_sampling=0.1, seed=2)
    later = [first.batch(n)[0].tolist() for n in (0, 1, 9)]
    assert [again.batch(n)[0].tolist() for n in (9, 1, 0)] == later[::-1]
    assert other.batch(0)[0].tolist() != later[0]
