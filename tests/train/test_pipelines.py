"""From text to ids, the same ones as NumPy's side looks up, and on to windows whose labels are one character later."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.layers import TextVectorization

from rnntext.settings.translator import TransformerConfig, TranslatorTraining
from rnntext.text.vocabulary import CharVocabulary, count_characters, most_frequent
from rnntext.train import pipelines
from rnntext.train.batches import CharStreams
from rnntext.train.pipelines import learn_languages, vectorize

NEWLINES = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"]
LITERALS = [
    "[UNK]",
    "[start]",
    "[end]",
    "\ufffd",
    "\ufeff",
    " ",
    "\t",
    "\xa0",
    "\u3000",
    "\u2581",
    "\u200d",
    "\U0010ffff",
]
MARKED = ["e\u0301", "\u0301", "a\u0323\u0302", "नमस्ते", "\u202eabc", "👩‍👩‍👧‍👦", "🇨🇭", "👍🏽", "☃\ufe0f", "ß", "İ", "ǅ"]
no_nul = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
odd_text = st.lists(st.one_of(st.sampled_from(NEWLINES + LITERALS + MARKED), st.text(no_nul))).map("".join)


def odd_strings(count: int) -> list[str]:
    """The same strings each time: of the pieces above and of characters of all seventeen planes."""
    rng = np.random.default_rng(0)
    points = rng.integers(0, 17, [count, 5]) * 0x10000 + rng.integers(0x1, 0xD800, [count, 5])
    pieces = rng.choice(np.array(NEWLINES + LITERALS + MARKED, object), [count, 2])
    return ["".join(map(chr, row)) + "".join(some) for row, some in zip(points, pieces, strict=True)]


def looked_up(text: str, vocabulary: CharVocabulary) -> list[int]:
    places = {character: place for place, character in enumerate(vocabulary.characters, start=1)}
    return [places.get(character, 0) for character in text]


# Characters -----------------------------------------------------------------------------------------------------------


def test_the_size_keeps_the_most_frequent_characters():
    assert most_frequent(count_characters(["a" * 5 + "b" * 4, "c" * 3 + "d"]), 3) == ["a", "b", "c"]


@pytest.mark.parametrize("size", [None, 70])
def test_characters_come_in_the_order_of_textvectorization(size):
    strings = odd_strings(200)
    layer = TextVectorization(max_tokens=size and size + 2, standardize=None, split="character")
    layer.adapt(tf.constant(["".join(strings)]))
    expected = layer.get_vocabulary(include_special_tokens=False)
    assert most_frequent(count_characters(strings), size) == expected


# Ids ------------------------------------------------------------------------------------------------------------------


def vectorized(text: str, vocabulary: CharVocabulary) -> np.ndarray:
    (ids,) = vectorize([text], vocabulary)
    return ids


def test_both_sides_give_10_000_odd_strings_the_same_ids():
    strings = odd_strings(10_000)
    vocabulary = CharVocabulary(most_frequent(count_characters(strings[:3000])))
    pieces = ["".join(strings[begin : begin + 500]) for begin in range(0, len(strings), 500)]
    ids = np.concatenate(list(vectorize(pieces, vocabulary)))
    text = "".join(strings)
    assert ids.tolist() == vocabulary.encode(text).tolist() == looked_up(text, vocabulary)
    assert 0.1 < np.mean(ids == 0) < 0.9  # known and unknown characters, both


@settings(max_examples=60)
@given(known=odd_text.filter(len), text=odd_text)
def test_both_sides_give_any_string_the_same_ids(known, text):
    vocabulary = CharVocabulary(sorted(set(known)))
    ids = vectorized(known + text, vocabulary)
    assert ids.tolist() == vocabulary.encode(known + text).tolist() == looked_up(known + text, vocabulary)


def test_a_literal_unk_is_ordinary_text():
    vocabulary = CharVocabulary("[]KNU")
    assert vectorized("[UNK]x", vocabulary).tolist() == [1, 5, 4, 3, 2, 0]


@pytest.mark.parametrize(("characters", "bytes_each"), [(255, 1), (256, 2), (65_535, 2), (65_536, 4)])
def test_ids_are_kept_in_the_smallest_type_that_holds_them(characters, bytes_each):
    vocabulary = CharVocabulary(chr(0x10000 + i) for i in range(characters))
    ids = vectorized(vocabulary.characters[-1] + "\u00e9", vocabulary)
    assert ids.itemsize == bytes_each
    assert ids.tolist() == [characters, 0]


def test_an_empty_text_has_no_ids():
    assert vectorized("", CharVocabulary("ab")).shape == (0,)


# Windows --------------------------------------------------------------------------------------------------------------


def streams(length: int, batch: int = 4, window: int = 5, seed: int = 1) -> CharStreams:
    """Streams of a text whose ids are the places where they stand."""
    return CharStreams(np.arange(length), batch, window, seed)


def test_labels_are_the_features_one_later():
    features, labels = streams(100).windows(0)
    assert features.shape == labels.shape == (4, 5)
    np.testing.assert_array_equal(labels, features + 1)
    np.testing.assert_array_equal(np.diff(features), 1)


def test_a_stream_goes_on_from_window_to_window_to_the_end_of_the_epoch():
    s = streams(203)
    for step in range(s.steps_per_epoch, 2 * s.steps_per_epoch - 1):
        np.testing.assert_array_equal(s.windows(step + 1)[0][:, 0], s.windows(step)[1][:, -1])


def test_epochs_begin_at_different_places():
    s = streams(100)
    begins = {s.windows(epoch * s.steps_per_epoch)[0][0, 0] for epoch in range(10)}
    assert len(begins) > 3


def test_windows_are_a_function_of_seed_and_step():
    late = range(30, 33)
    same, other = ([s.windows(step)[0].tolist() for step in late] for s in (streams(100), streams(100, seed=2)))
    assert [streams(100).windows(step)[0].tolist() for step in late] == same != other


@pytest.mark.parametrize(("length", "batch"), [(41, 4), (40, 3), (31, 3), (21, 2), (20, 1), (6, 1)])
def test_a_short_text_gets_fewer_streams(length, batch):
    assert streams(length).batch == batch


@given(window=st.integers(1, 40), more=st.integers(0, 500), batch=st.integers(1, 70), seed=st.integers(0, 2**31 - 1))
def test_an_epoch_reads_nearly_everything_once_and_nothing_outside_the_text(window, more, batch, seed):
    length = window + 1 + more
    s = CharStreams(np.arange(length), batch, window, seed)
    epoch = [s.windows(step) for step in range(s.steps_per_epoch, 2 * s.steps_per_epoch)]
    read = np.concatenate([features.ravel() for features, _ in epoch])
    assert len(set(read)) == len(read)
    assert length - len(read) <= window * (s.batch + 1) + 1
    for features, labels in epoch:  # a negative place would come out as a jump, one too large as an IndexError
        np.testing.assert_array_equal(labels, features[:, :1] + 1 + np.arange(window))


# Subwords of large corpora --------------------------------------------------------------------------------------------


def test_of_a_large_corpus_subwords_are_learnt_from_the_same_part_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "MAX_SENTENCES", 20)
    pairs = [(f"{chr(0x400 + n)} mill", f"{chr(0x500 + n)} river") for n in range(100)]
    config, training = TransformerConfig(), TranslatorTraining(steps=1, vocabulary_size=400)
    first, second = (learn_languages(pairs, config, training)[0] for _ in range(2))
    assert first.tokenizer.files() == second.tokenizer.files()
    letters = {token for token in first.tokens if len(token) == 1 and "\u0400" <= token <= "\u05ff"}
    assert len(letters) == 20
    assert {"\u2581mill", "\u2581river"} <= set(first.tokens)
