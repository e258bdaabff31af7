// What is drawn and chosen, from logits that are made by hand.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CharacterModel, draw, randomNumbers } from "../src/charlm.js";
import { Translator } from "../src/translator.js";

const [END, A, B, C] = [3, 4, 5, 6];
const SIZE = 7;

/** Logits for each step: the ids named come first, in their order. */
const steps = (...orders) =>
  orders.map((order) => Float32Array.from({ length: SIZE }, (_, id) => -1 - order.indexOf(id) || -99));

/** A translator whose decoder answers with these logits, the last ones again and again. */
function translator(logits, about) {
  const read = [];
  const decoder = {
    inputNames: ["ids", "h_0"],
    run: async ({ ids, h_0: h }) => {
      read.push([Number(ids.data[0]), h]);
      return { logits: { data: logits[Math.min(h, logits.length - 1)].slice() }, new_h_0: h + 1 };
    },
  };
  const target = { decode: (ids) => ids.join(" ") };
  const all = { start: 2, end: END, forbidden: [0, 1, 2], forbidden_pairs: [], positions: 30, config: {}, ...about };
  return { read, model: new Translator(all, { run: async () => ({ h_0: 0 }) }, decoder, { source: {}, target }) };
}

async function last(texts) {
  let text;
  for await (text of texts);
  return text;
}

describe("a greedy search", () => {
  test("reads what it has chosen, with the states of the step before, up to the end", async () => {
    const { read, model } = translator(steps([A], [B], [END]));
    assert.equal(await last(model.translation([A])), `${A} ${B}`);
    assert.deepEqual(read, [
      [2, 0],
      [A, 1],
      [B, 2],
    ]);
  });

  test("chooses no forbidden id, and the second of a forbidden pair not after the first", async () => {
    const about = {
      forbidden: [0, 1, 2, C],
      forbidden_pairs: [
        [A, END],
        [A, A],
      ],
    };
    const { model } = translator(steps([C, A], [END, A, B], [END]), about);
    assert.equal(await last(model.translation([A])), `${A} ${B}`);
  });

  test("does not end before it has begun, and ends at its limit", async () => {
    assert.equal(await last(translator(steps([END, A], [END])).model.translation([A])), `${A}`);
    assert.equal((await last(translator(steps([A])).model.translation([A, A]))).split(" ").length, 14);
  });

  test("has nothing to say to an empty line, and refuses one with more tokens than positions", async () => {
    const { model } = translator(steps([A]), { config: { positions: "sinusoidal" } });
    assert.equal(await last(model.translation([])), undefined);
    assert.equal((await last(model.translation(Array(10).fill(A)))).split(" ").length, 30);
    await assert.rejects(
      last(model.translation(Array(11).fill(A))),
      /a line has 11 tokens, more than this model reads/,
    );
  });
});

describe("a character", () => {
  test("is drawn as often as the softmax says", () => {
    const logits = Float32Array.of(-Infinity, 1, 2, 4);
    const random = randomNumbers(1);
    for (const temperature of [0.5, 1, 3]) {
      const counts = [0, 0, 0, 0];
      for (let draws = 0; draws < 100_000; draws++) counts[draw(logits, temperature, random)]++;
      const weights = [1, 2, 4].map((logit) => Math.exp(logit / temperature));
      const sum = weights.reduce((total, weight) => total + weight);
      assert.equal(counts[0], 0);
      weights.forEach((weight, index) => assert.ok(Math.abs(counts[index + 1] / 100_000 - weight / sum) < 0.005));
    }
    assert.equal(
      draw(logits, 0, () => assert.fail("drawn")),
      3,
    );
  });

  test("is never a forbidden one, and the next one is drawn after it", async () => {
    const read = [];
    const step = {
      inputNames: ["ids", "h_0"],
      run: async ({ ids, h_0: h }) => {
        read.push([Number(ids.data[0]), [...(h.data ?? h)]]);
        return { logits: { data: Float32Array.of(9, 9, 0, 1) }, new_h_0: [read.length] };
      },
    };
    const about = {
      start: 2,
      forbidden: [0, 1],
      config: { units: 2, lowercase: true },
      vocabulary: ["[UNK]", "\ufffd", "a", "b"],
    };
    const model = new CharacterModel(about, step);
    assert.deepEqual(model.read("BaÄ"), { text: "ba", unknown: ["ä"] });
    let text = "";
    for await (const character of model.characters("ba", { temperature: 0, seed: 1 })) {
      text += character;
      if (text.length === 2) break;
    }
    assert.equal(text, "bb");
    assert.deepEqual(read, [
      [3, [0, 0]],
      [2, [1]],
      [3, [2]],
    ]);
    await model.characters("", { temperature: 0, seed: 1 }).next();
    assert.equal(read.at(-1)[0], about.start);
  });
});
