"""From text to ids, by TextVectorization and SentencePiece."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import tensorflow as tf
from keras.layers import TextVectorization

from rnntext.errors import DataError
from rnntext.run.arrays import Array
from rnntext.settings.translator import TranslatorConfig, TranslatorTraining
from rnntext.text.stored_pairs import Pair, Sentences
from rnntext.text.tokenizers import Subwords, Tokenizer, escape, tokenizer
from rnntext.text.tokens import RESERVED, Language
from rnntext.text.vocabulary import UNKNOWN, CharVocabulary, code_points

CHUNK = 250_000  # characters that a layer learns from at a time: 100 MB at once would cost 24 bytes a character
OWN_TOKENS = 2  # TextVectorization's own '' and '[UNK]' come first in its table
OWN_UNKNOWN = 1  # TextVectorization's id of [UNK]

# Characters -----------------------------------------------------------------------------------------------------------


def vectorize(pieces: Iterable[str], vocabulary: CharVocabulary) -> Iterator[Array]:
    """Yields the ids of a text piece by piece, `[characters]`, in the smallest type that holds all ids of the
    vocabulary; the same as `vocabulary.encode` of each.

    Each character goes through TextVectorization but once, into a table by code point.
    """
    # A text is alone in its batch, so TextVectorization's padding, 0, does not occur.
    layer = TextVectorization(standardize=None, split="character", vocabulary=vocabulary.characters)
    known = "".join(vocabulary.characters)
    own_ids = layer(tf.constant(known)).numpy()  # [characters]
    largest_id = len(vocabulary) - 1
    all_points = sys.maxunicode + 1
    table = np.full(all_points, UNKNOWN, np.min_scalar_type(largest_id))
    known_points = code_points(known)
    table[known_points] = own_ids - OWN_UNKNOWN + UNKNOWN
    for piece in pieces:
        yield table[code_points(piece)]


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
    size = training.vocabulary_size
    if config.joint:
        both = _learn_language(Sentences(pairs, 0, 1), config.tokens, size)
        return both, both
    source = _learn_language(Sentences(pairs, 0), config.tokens, size)
    target = _learn_language(Sentences(pairs, 1), config.tokens, size)
    return source, target


def _learn_language(sentences: Sequence[str], kind: str, size: int) -> Language:
    """The language of some sentences, with `size` tokens at the most.

    Args:
        sentences: normalised.
        kind: of tokens: "subword", "word" or "char".
        size: of the vocabulary.
    """
    if kind == "subword":
        model = _learn_subwords(sentences, size)
        subwords = Subwords(model)
        return Language(subwords, subwords.usable_pieces)
    splitter = tokenizer(kind, None)
    max_tokens = size + OWN_TOKENS
    layer = TextVectorization(max_tokens=max_tokens, standardize=None, split="whitespace")
    spec = tf.TensorSpec([None], tf.string)
    chunks = tf.data.Dataset.from_generator(lambda: _joined(sentences, splitter), output_signature=spec)
    layer.adapt(chunks)
    tokens = layer.get_vocabulary(include_special_tokens=False)
    return Language(splitter, tokens)


def _learn_subwords(sentences: Sequence[str], size: int) -> bytes:
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


class SentenceIds:
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


class Vectorizer:
    """Looks up the tokens of sentences; the same as `language.encode` of each.

    Words and characters are looked up by TextVectorization. Of subwords each piece is looked up but once, since
    SentencePiece has numbers for them.

    Attributes:
        dtype: of the ids, the smallest one that holds those of the language.
    """

    def __init__(self, language: Language) -> None:
        self._splitter = language.tokenizer
        self.dtype = np.min_scalar_type(len(language) - 1)
        if isinstance(self._splitter, Subwords):
            self._table = language.lookup(self._splitter.pieces).astype(self.dtype)  # [pieces]
            return
        self._layer = TextVectorization(
            standardize=None, split="whitespace", vocabulary=language.tokens, ragged=True, output_mode="int"
        )

    def __call__(self, sentences: Sequence[str]) -> tuple[Array, Array]:
        """Ids of sentences, one after another, `[tokens]`, and how many each has, `[sentences]`."""
        if isinstance(self._splitter, Subwords):
            piece_ids, piece_counts = self._splitter.piece_ids(sentences)
            return self._table[piece_ids], piece_counts
        looked_up = [_look_up(self._layer, chunk) for chunk in _joined(sentences, self._splitter)]
        ids = np.concatenate([ids for ids, _ in looked_up])
        lengths = np.concatenate([lengths for _, lengths in looked_up])
        return ids.astype(self.dtype), lengths


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


def _joined(sentences: Iterable[str], splitter: Tokenizer) -> Iterator[list[str]]:
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
