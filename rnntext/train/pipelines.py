"""From text to ids, by TextVectorization and SentencePiece."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import tensorflow as tf
from keras.layers import TextVectorization

from rnntext.errors import DataError
from rnntext.run.arrays import Array
from rnntext.settings.translator import TranslatorConfig, TranslatorTraining
from rnntext.text.bitext import Pair
from rnntext.text.tokenizers import Subwords, Tokenizer, escape, tokenizer
from rnntext.text.tokens import RESERVED, Language
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary, code_points

CHUNK = 250_000  # characters at a time: one call on 100 MB would cost 24 bytes a character
OWN_TOKENS = 2  # TextVectorization's own '' and '[UNK]' come first in its table
OWN_UNKNOWN = 1  # TextVectorization's id of [UNK]

# Characters -----------------------------------------------------------------------------------------------------------


def _chunks(text: str) -> Iterator[str]:
    """A text in pieces of CHUNK characters."""
    for begin in range(0, len(text), CHUNK):
        end = begin + CHUNK
        yield text[begin:end]


def learn_characters(text: str, size: int | None = None) -> CharVocabulary:
    """The characters of a text, most frequent first, at most `size` of them."""
    max_tokens = None if size is None else size + OWN_TOKENS
    layer = TextVectorization(max_tokens=max_tokens, standardize=None, split="character", encoding="utf-8")
    spec = tf.TensorSpec([], tf.string)
    chunks = tf.data.Dataset.from_generator(lambda: _chunks(text), output_signature=spec)
    layer.adapt(chunks.batch(1))
    characters = layer.get_vocabulary(include_special_tokens=False)
    return CharVocabulary(characters)


def vectorize(text: str, vocabulary: CharVocabulary) -> Array:
    """Ids of a text, `[time]`, in the smallest type that holds them; the same as `vocabulary.encode(text)`.

    Each character goes through TextVectorization but once, into a table by code point.
    """
    # 1. Make the table. A text is alone in its batch, so TextVectorization's padding, 0, does not occur.
    layer = TextVectorization(standardize=None, split="character", vocabulary=vocabulary.characters)
    known = "".join(vocabulary.characters)
    own_ids = layer(tf.constant(known)).numpy()  # [characters]
    largest_id = len(vocabulary) - 1
    dtype = np.min_scalar_type(largest_id)
    all_points = sys.maxunicode + 1
    table = np.full(all_points, UNKNOWN, dtype)
    known_points = code_points(known)
    table[known_points] = own_ids - OWN_UNKNOWN + UNKNOWN

    # 2. Look up the text.
    ids = np.empty(len(text), dtype)
    begin = 0
    for chunk in _chunks(text):
        end = begin + len(chunk)
        points = code_points(chunk)
        table.take(points, out=ids[begin:end])
        begin = end
    return ids


# Languages ------------------------------------------------------------------------------------------------------------

MIN_SUBWORDS = 300  # the 256 bytes are among them
MIN_CHARACTERS = 20  # that get a subword of their own, however small the vocabulary is
SUBWORD_THREADS = 2  # SentencePiece learns another model for another number
MAX_SENTENCES = 200_000  # of a larger text that SentencePiece learns from
MAX_BYTES = 4192  # of a line that SentencePiece learns from; it skips longer ones


def learn_languages(
    pairs: Sequence[Pair], config: TranslatorConfig, training: TranslatorTraining
) -> tuple[Language, Language]:
    """Tokenizers and vocabularies of both sides, learnt from pairs; one for both, if the config says joint.

    Raises:
        DataError: there is no sentence to learn from.
    """
    sources = [source for source, _ in pairs]
    targets = [target for _, target in pairs]
    size = training.vocabulary_size
    if config.joint:
        both = _learn_language(sources + targets, config.tokens, size)
        return both, both
    source = _learn_language(sources, config.tokens, size)
    target = _learn_language(targets, config.tokens, size)
    return source, target


def _learn_language(sentences: list[str], kind: str, size: int) -> Language:
    """The language of some sentences, with `size` tokens at the most.

    Args:
        sentences: normalised.
        kind: of tokens: "subword", "word" or "char".
        size: of the vocabulary.
    """
    if kind == "subword":
        model = _learn_subwords(sentences, size)
        subwords = Subwords(model)
        return Language(subwords, _usable_pieces(subwords))
    splitter = tokenizer(kind, None)
    max_tokens = size + OWN_TOKENS
    layer = TextVectorization(max_tokens=max_tokens, standardize=None, split="whitespace")
    spec = tf.TensorSpec([None], tf.string)
    chunks = tf.data.Dataset.from_generator(lambda: _joined(sentences, splitter), output_signature=spec)
    layer.adapt(chunks)
    tokens = layer.get_vocabulary(include_special_tokens=False)
    return Language(splitter, tokens)


def _usable_pieces(subwords: Subwords) -> Iterator[str]:
    """All pieces but SentencePiece's own [UNK] and control symbols."""
    processor = subwords.processor
    for index, piece in enumerate(subwords.pieces):
        special = processor.is_unknown(index) or processor.is_control(index)
        if not special:
            yield piece


def _learn_subwords(sentences: list[str], size: int) -> bytes:
    """A SentencePiece model of byte-pair encoding (Sennrich, Haddow, Birch 2016), as the content of its file.

    Raises:
        DataError: all sentences are too long.
    """
    import sentencepiece

    # 1. Choose what to learn from.
    if len(sentences) > MAX_SENTENCES:
        chosen = np.random.default_rng(0).permutation(len(sentences))[:MAX_SENTENCES]
        sentences = [sentences[index] for index in chosen]
    size = max(size, MIN_SUBWORDS)
    max_characters = (size - MIN_SUBWORDS) // 2 + MIN_CHARACTERS
    escaped = [escape(sentence) for sentence in sentences]
    short = []
    for sentence in escaped:
        size_in_bytes = len(sentence.encode())
        if size_in_bytes <= MAX_BYTES:
            short.append(sentence)
    short = _without_rare(short, max_characters)
    if not short:
        raise DataError(f"every sentence has more than {MAX_BYTES} bytes; give shorter ones")

    # 2. Learn.
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(short),
        model_writer=model,
        model_type="bpe",
        vocab_size=size,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        byte_fallback=True,
        character_coverage=1.0,
        num_threads=SUBWORD_THREADS,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


def _without_rare(sentences: list[str], max_characters: int) -> list[str]:
    """Sentences without all characters but the commonest ones.

    SentencePiece gives each character a piece, and refuses a vocabulary that cannot hold them. What has no piece is
    written as bytes.
    """
    counts = Counter(chain.from_iterable(sentences))
    if len(counts) <= max_characters:
        return sentences
    rare = counts.most_common()[max_characters:]
    rare_points = [ord(character) for character, _ in rare]
    deletions = dict.fromkeys(rare_points)
    shortened = [sentence.translate(deletions) for sentence in sentences]
    return [sentence for sentence in shortened if sentence]


# Sentences ------------------------------------------------------------------------------------------------------------

LINES = 20_000  # that are cut at once: a word that occurs several times in them is cut but once


class Sentences:
    """Many sentences' ids in one array.

    Args:
        ids: of all sentences, one after another, `[tokens]`.
        lengths: `[sentences]`.
    """

    def __init__(self, ids: Array, lengths: Array) -> None:
        self.ids = ids
        self.lengths = lengths
        ends = np.cumsum(lengths)
        previous_ends = ends[:-1]
        begins = np.concatenate([[0], previous_ends])  # [sentences]
        self.begins = begins.astype(np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Array:
        begin = self.begins[index]
        end = begin + self.lengths[index]
        return self.ids[begin:end]

    def take(self, indices: Array) -> Sentences:
        """The sentences with these indices, which ascend."""
        if len(indices) == len(self):
            return self  # without a copy
        is_taken = np.zeros(len(self), bool)  # [sentences]
        is_taken[indices] = True
        ids = self.ids[np.repeat(is_taken, self.lengths)]
        return Sentences(ids, self.lengths[indices])


def vectorize_sentences(sentences: Sequence[str], language: Language) -> Sentences:
    """Ids of sentences, in the smallest type that holds them, by TextVectorization; the same as `language.encode` of
    each.

    Of subwords it looks up each piece but once: SentencePiece has numbers for them.
    """
    # 1. Make the table of tokens.
    layer = TextVectorization(
        standardize=None, split="whitespace", vocabulary=language.tokens, ragged=True, output_mode="int"
    )
    splitter = language.tokenizer
    dtype = np.min_scalar_type(len(language) - 1)
    ids = []
    lengths = []

    # 2. Cut the sentences and look up their tokens.
    if isinstance(splitter, Subwords):
        own_table, _ = _look_up(layer, splitter.pieces)  # [pieces]
        table = own_table.astype(dtype)
        for begin in range(0, len(sentences), LINES):
            end = begin + LINES
            piece_ids, piece_counts = splitter.piece_ids(sentences[begin:end])
            ids.append(table[piece_ids])
            lengths.append(piece_counts)
    else:
        for chunk in _joined(sentences, splitter):
            chunk_ids, chunk_lengths = _look_up(layer, chunk)
            ids.append(chunk_ids.astype(dtype))
            lengths.append(chunk_lengths)
    return Sentences(np.concatenate(ids), np.concatenate(lengths))


def _look_up(layer: TextVectorization, joined: list[str]) -> tuple[Array, Array]:
    """Ids of all tokens `[tokens]`, int32, and how many there are in each line `[lines]`.

    Args:
        layer: knows the vocabulary.
        joined: lines of tokens with spaces between them.
    """
    ragged = layer(tf.constant(joined))  # [lines, (tokens)]
    own_ids = ragged.values.numpy()  # [tokens]
    own_ids = own_ids.astype(np.int32)
    # The layer's [UNK] is 1, as ours; its tokens begin at 2, ours after the reserved ids.
    shifted = own_ids + (RESERVED - OWN_TOKENS)
    ids = np.where(own_ids >= OWN_TOKENS, shifted, own_ids)
    lengths = ragged.row_lengths()  # [lines]
    return ids, lengths.numpy()


def _joined(sentences: Sequence[str], splitter: Tokenizer) -> Iterator[list[str]]:
    """Sentences as tokens with spaces between them, about CHUNK characters at a time."""
    chunk: list[str] = []
    size = 0
    for sentence in sentences:
        tokens = splitter.split(sentence)
        joined = " ".join(tokens)
        if chunk and size + len(joined) > CHUNK:
            yield chunk
            chunk = []
            size = 0
        chunk.append(joined)
        size += len(joined)
    if chunk:
        yield chunk
