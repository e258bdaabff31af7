// Byte-pair encoding with the pieces of a SentencePiece model, as rnntext trains them: each word is merged on its own,
// and a character without a piece is written as its bytes. Cuts and joins as rnntext/text/tokenizers.py does.

export const SPACE = "\u2581"; // stands for a space in tokens
const ESCAPED_SPACE = "\u{f2581}"; // stands for the same character in a text
const MAX_KEPT = 100_000; // words whose pieces are kept
const UNKNOWN = 2; // types of pieces
const CONTROL = 3;
const BYTE = 6;
const NORMAL = 1;

/** A text without SentencePiece's sign for a space; another character stands in its place. */
export const escape = (text) => text.replaceAll(SPACE, ESCAPED_SPACE);

/** The text that `escape` was given. */
export const unescape = (text) => text.replaceAll(ESCAPED_SPACE, SPACE);

/**
 * The score of each piece that a merge can make, by its text.
 *
 * A piece is 0A SIZE 0A LENGTH text 15 score [18 TYPE] in the file; the settings that follow are not needed.
 *
 * @param {Uint8Array} data the content of a file that ends with ".model".
 * @throws {Error} it has another form.
 */
export function readScores(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const scores = new Map();
  let begin = 0;
  while (data[begin] === 0x0a) {
    const end = begin + 2 + data[begin + 1];
    const textEnd = begin + 4 + data[begin + 3];
    const type = end === textEnd + 7 ? data[textEnd + 6] : NORMAL;
    const hasForm = data[begin + 2] === 0x0a && data[textEnd] === 0x15 && (end === textEnd + 5 || end === textEnd + 7);
    if (!hasForm || end > data.length || ![NORMAL, UNKNOWN, CONTROL, BYTE].includes(type)) {
      throw new Error("a piece has a form that this page does not read");
    }
    if (type === NORMAL)
      scores.set(decoder.decode(data.subarray(begin + 4, textEnd)), view.getFloat32(textEnd + 1, true));
    begin = end;
  }
  if (scores.size === 0) throw new Error("it has no pieces");
  return scores;
}

/** The pieces of a SentencePiece model are tokens. */
export class Subwords {
  /** @param {Uint8Array} data the content of the model's file. */
  constructor(data) {
    this.scores = readScores(data);
    this.kept = new Map();
  }

  /** The tokens of a normalised sentence. */
  split(text) {
    return text === ""
      ? []
      : escape(text)
          .split(" ")
          .flatMap((word) => this.#pieces(SPACE + word));
  }

  /** The sentence that consists of these tokens; bytes that make no character become U+FFFD. */
  join(tokens) {
    let text = "";
    let bytes = [];
    const flush = () => {
      text += new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes));
      bytes = [];
    };
    for (const token of tokens) {
      const byte = /^<0x([0-9A-F]{2})>$/.exec(token);
      if (byte) {
        bytes.push(parseInt(byte[1], 16));
        continue;
      }
      flush();
      text += (text === "" && token.startsWith(SPACE) ? token.slice(1) : token).replaceAll(SPACE, " ");
    }
    flush();
    return unescape(text);
  }

  #pieces(word) {
    let pieces = this.kept.get(word);
    if (!pieces) {
      pieces = this.#merged(Array.from(word)).flatMap((part) => (this.scores.has(part) ? [part] : bytesOf(part)));
      if (this.kept.size >= MAX_KEPT) this.kept.clear();
      this.kept.set(word, pieces);
    }
    return pieces;
  }

  /** Merges the neighbours with the best score, the first ones of several, until none can be merged. */
  #merged(parts) {
    const score = (index) => this.scores.get(parts[index] + parts[index + 1]) ?? -Infinity;
    const scores = parts.slice(1).map((_, index) => score(index)); // of each part with the next one
    for (;;) {
      let best = -1;
      for (let index = 0; index < scores.length; index++) {
        if (scores[index] > (best < 0 ? -Infinity : scores[best])) best = index;
      }
      if (best < 0) return parts;
      parts.splice(best, 2, parts[best] + parts[best + 1]);
      scores.splice(best, 1);
      if (best > 0) scores[best - 1] = score(best - 1);
      if (best < scores.length) scores[best] = score(best);
    }
  }
}

function bytesOf(part) {
  const bytes = new TextEncoder().encode(part);
  return Array.from(bytes, (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
}
