// Normalisation and tokens beside rnntext's own, on 10,000 lines.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { Subwords, readScores } from "../src/sentencepiece.js";
import { named, normalize } from "../src/text.js";
import { Language } from "../src/tokens.js";
import { expected } from "./expected.js";

let ours;
before(() => (ours = expected()));

test("texts are normalised as rnntext does it", () => {
  assert.equal(ours.normalized.length, 10_000);
  ours.tokens[0].lines.forEach((line, index) => assert.equal(normalize(line, false), ours.normalized[index]));
});

for (const [index, kind] of ["subwords", "subwords of small letters", "words", "characters"].entries()) {
  describe(kind, () => {
    let language, of;
    before(() => {
      of = ours.tokens[index];
      language = new Language(of.about, "source", of.model === null ? undefined : Buffer.from(of.model, "hex"));
    });

    test("10,000 lines are cut as rnntext cuts them", () => {
      assert.equal(of.lines.length, 10_000);
      of.lines.forEach((line, number) => {
        const { ids, unknown } = language.encode(line);
        assert.deepEqual(ids, of.ids[number], JSON.stringify(line));
        assert.deepEqual(
          unknown,
          of.tokens[number].filter((_, place) => of.ids[number][place] === of.about.unknown),
        );
      });
    });

    test("10,000 answers are joined as rnntext joins them", () => {
      of.drawn.forEach((ids, number) => assert.equal(language.decode(ids), of.joined[number], JSON.stringify(ids)));
    });
  });
}

test("a damaged SentencePiece model is refused", () => {
  const model = Buffer.from(ours.tokens[0].model, "hex");
  assert.throws(() => readScores(model.subarray(0, 1000)), /a piece has a form that this page does not read/);
  assert.throws(() => readScores(new Uint8Array([0x12, 0])), /it has no pieces/);
  assert.throws(() => new Subwords(new TextEncoder().encode("<!doctype html>")), /it has no pieces/);
});

test("a message names the first characters and words, each once", () => {
  assert.equal(named(["ż", "ż", "😀", "mill"]), "“ż” (U+017C), “😀” (U+1F600), “mill”");
  assert.equal(named([..."123456789"]).endsWith("“8” (U+0038), …"), true);
});
