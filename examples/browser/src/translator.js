// A translator: a line becomes its greedy translation.

import { Tensor } from "onnxruntime-web/wasm";
import { argmax } from "./charlm.js";

const integers = (ids, shape) => new Tensor("int64", BigInt64Array.from(ids, BigInt), shape);

export class Translator {
  /**
   * @param {object} about the content of model.json.
   * @param {InferenceSession} encoder the graph that reads lines.
   * @param {InferenceSession} decoder the graph that reads one token of a translation.
   * @param {{source: Language, target: Language}} languages
   */
  constructor(about, encoder, decoder, { source, target }) {
    Object.assign(this, { about, encoder, decoder, source, target });
  }

  /** A line as the model reads it: its ids, and the tokens that it has never seen, which have the id `unknown`. */
  read(line) {
    return this.source.encode(line);
  }

  /**
   * Yields the translation so far after each token; nothing if there is nothing to translate.
   *
   * @param {number[]} ids of a line.
   */
  async *translation(ids) {
    const { start, end, forbidden, forbidden_pairs: pairs, positions, config } = this.about;
    if (ids.length === 0) return;
    if (config.positions === "sinusoidal" && 2 * ids.length + 10 > positions) {
      throw new Error(`a line has ${ids.length} tokens, more than this model reads: cut it`);
    }
    // 1. Read the line.
    const results = await this.encoder.run({ source: integers(ids, [1, ids.length]) });
    const inputs = this.decoder.inputNames.filter((name) => name !== "ids");
    const feeds = Object.fromEntries(inputs.map((name) => [name, results[name]]));
    // 2. Take the best token, again and again.
    const answer = [];
    while (answer.length < 2 * ids.length + 10) {
      const last = answer.at(-1) ?? start;
      const { logits, ...states } = await this.decoder.run({ ids: integers([last], [1]), ...feeds });
      for (const [name, state] of Object.entries(states)) feeds[name.replace(/^new_/, "")] = state;
      for (const id of forbidden) logits.data[id] = -Infinity;
      for (const [first, second] of pairs) if (first === last) logits.data[second] = -Infinity;
      if (answer.length === 0) logits.data[end] = -Infinity; // No translation is empty.
      const best = argmax(logits.data);
      if (best === end) return;
      answer.push(best);
      yield this.target.decode(answer);
    }
  }
}
