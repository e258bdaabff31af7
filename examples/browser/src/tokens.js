// Sentences become ids of a translator's tokens, and ids become sentences.

import { normalizeLine } from "./text.js";
import { SPACE, Subwords, escape, unescape } from "./sentencepiece.js";

const RESERVED = 4; // ids below are no tokens of a text

/** Every character is a token; a space is written as U+2581. */
class Characters {
  split(text) {
    return Array.from(escape(text).replaceAll(" ", SPACE));
  }

  join(tokens) {
    return unescape(tokens.join("").replaceAll(SPACE, " "));
  }
}

// What Python calls \w and \s; JavaScript's are others.
const WORD = "[\\p{L}\\p{N}_]";
const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const TOKEN = new RegExp(`${WORD}+(?:['\\u2019]${WORD}+)*|[^\\p{L}\\p{N}_${SPACES}]`, "gu");

/** Words and punctuation marks are tokens. */
class Words {
  split(text) {
    return text.match(TOKEN) ?? [];
  }

  join(tokens) {
    const text = tokens.join(" ").replace(/ ([.,;:!?%)\]}\u2026\u201d\u2019])/g, "$1");
    return text.replace(/([\u00bf\u00a1([{\u201e\u201c]) /g, "$1");
  }
}

/** One side of a translator: a tokenizer and the vocabulary of its tokens. */
export class Language {
  /**
   * @param {object} about the content of model.json.
   * @param {"source" | "target"} side
   * @param {Uint8Array | undefined} model the SentencePiece model, which subwords need.
   */
  constructor(about, side, model) {
    const kind = about.config.tokens;
    this.lowercase = about.config.lowercase;
    this.tokens = about.vocabulary ?? about[`${side}_vocabulary`];
    this.ids = new Map(this.tokens.map((token, id) => [token, id]));
    this.unknown = about.unknown;
    this.tokenizer = kind === "subword" ? new Subwords(model) : kind === "word" ? new Words() : new Characters();
  }

  /** The ids of a line, and the tokens that have none. */
  encode(line) {
    const tokens = this.tokenizer.split(normalizeLine(line, this.lowercase));
    return {
      ids: tokens.map((token) => this.ids.get(token) ?? this.unknown),
      unknown: tokens.filter((token) => !this.ids.has(token)),
    };
  }

  /** The sentence of ids, on one line; reserved ids are left out, as are bytes that make no character. */
  decode(ids) {
    const text = this.tokenizer.join(ids.filter((id) => id >= RESERVED).map((id) => this.tokens[id]));
    return text.replaceAll("\ufffd", "").replace(/[\n\r]/g, " ");
  }
}
