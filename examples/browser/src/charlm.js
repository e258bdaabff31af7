// A character model: a prompt becomes a text.

import { Tensor } from "onnxruntime-web/wasm";
import { normalize } from "./text.js";

/** A random number from 0 to 1, exclusive, at each call; the same seed gives the same ones (mulberry32). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The index of the largest number. */
export function argmax(numbers) {
  let best = 0;
  for (let index = 1; index < numbers.length; index++) if (numbers[index] > numbers[best]) best = index;
  return best;
}

/** An id drawn with the probabilities softmax(logits / temperature); the most likely one at temperature 0. */
export function draw(logits, temperature, random) {
  const best = argmax(logits);
  if (temperature < 1e-6) return best;
  const weights = Array.from(logits, (logit) => Math.exp((logit - logits[best]) / temperature));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let id = 0; id < weights.length; id++) {
    left -= weights[id];
    if (left < 0) return id;
  }
  return best; // Rounding has left something over.
}

export class CharacterModel {
  /**
   * @param {object} about the content of model.json.
   * @param {InferenceSession} step the graph, which reads one character.
   */
  constructor(about, step) {
    this.about = about;
    this.step = step;
    this.ids = new Map(about.vocabulary.map((character, id) => [character, id]));
  }

  /** A prompt as the model reads it: without the characters that it has never seen, which are listed. */
  read(prompt) {
    const characters = Array.from(normalize(prompt, this.about.config.lowercase));
    const known = characters.filter((character) => this.ids.has(character));
    return { text: known.join(""), unknown: characters.filter((character) => !this.ids.has(character)) };
  }

  /**
   * Yields one character after another of the continuation; before that "" for each that is read.
   *
   * @param {string} text what `read` has made of a prompt.
   * @param {{temperature: number, seed: number}} options
   */
  async *characters(text, { temperature, seed }) {
    // 1. Begin with states that have read nothing.
    const { start, forbidden, config, vocabulary } = this.about;
    const random = randomNumbers(seed);
    const names = this.step.inputNames.filter((name) => name !== "ids");
    const zeros = () => new Tensor("float32", new Float32Array(config.units), [1, config.units]);
    let states = Object.fromEntries(names.map((name) => [name, zeros()]));
    let logits; // [vocabulary], of the next character
    const feed = async (id) => {
      const results = await this.step.run({ ids: new Tensor("int64", [BigInt(id)], [1]), ...states });
      states = Object.fromEntries(names.map((name) => [name, results[`new_${name}`]]));
      logits = results.logits.data;
    };
    // 2. Read the prompt, then what has been drawn.
    const prompt = Array.from(text, (character) => this.ids.get(character));
    for (const id of prompt.length ? prompt : [start]) {
      await feed(id);
      yield "";
    }
    for (;;) {
      for (const id of forbidden) logits[id] = -Infinity;
      const drawn = draw(logits, temperature, random);
      yield vocabulary[drawn];
      await feed(drawn);
    }
  }
}
