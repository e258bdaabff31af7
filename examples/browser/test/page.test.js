// The page in headless Chromium, beside rnntext's own engine.

import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { expected } from "./expected.js";
import { done, launch, serve, visit } from "./page.js";

const NAMES = ["charlm-gru", "charlm-lstm", "gru-word", "hybrid-subword", "transformer-subword", "forecaster-gru"];
let ours, server, browser;

before(async () => {
  ours = expected();
  server = await serve(ours.folder, NAMES);
  browser = await launch();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser?.close();
  server?.stop();
});

const model = (name) => visit(browser, `${server.origin}/?model=${name}`);

async function write(page, fields) {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(String(value));
  await page.getByRole("button", { name: /Write|Translate/ }).click();
}

const greedily = (prompt, length = 200) => ({ Beginning: prompt, Characters: length, Temperature: 0 });

for (const name of ["charlm-gru", "charlm-lstm"]) {
  test(`${name} continues a text as rnntext does`, async () => {
    const page = await model(name);
    const { prompt, text } = ours.continuations[name];
    await write(page, greedily(prompt));
    assert.match(await done(page), /^Done: 200 characters, [\d,]+ characters\/s, seed \d+\.$/);
    assert.equal(text.length, 200);
    assert.equal(await page.locator("#output").textContent(), prompt + text);
  });
}

for (const name of ["gru-word", "hybrid-subword", "transformer-subword"]) {
  test(`${name} translates 50 lines as rnntext does`, async () => {
    const page = await model(name);
    const { lines, translations } = ours.translations[name];
    assert.equal(lines.length, 50);
    await write(page, { "Lines to translate": ["", ...lines].join("\n") });
    assert.match(await done(page), /^Done: [\d,]+ characters, [\d,]+ characters\/s\./);
    assert.deepEqual((await page.locator("#output").textContent()).split("\n"), ["", ...translations]);
  });
}

test("no request leaves the folder that was built", async () => {
  const page = await visit(browser, server.origin);
  await write(page, greedily("The miller ", 20));
  await done(page);
  assert.ok(page.requests.some((address) => address.endsWith(".wasm")));
  assert.deepEqual(
    page.requests.filter((address) => new URL(address).origin !== server.origin),
    [],
  );
  assert.deepEqual(page.mistakes, []);
});

test("the same seed gives the same text, and another seed another one", async () => {
  const page = await model("charlm-lstm");
  const texts = [];
  for (const seed of [1, 1, 2, ""]) {
    await write(page, { Beginning: "The ", Characters: 80, Temperature: 0.9, Seed: seed });
    await done(page);
    texts.push(await page.locator("#output").textContent());
  }
  assert.equal(texts[0], texts[1]);
  assert.equal(new Set(texts).size, 3);
});

test("Stop ends a text at once, and what is written stays", async () => {
  const page = await model("charlm-gru");
  for (const stop of [() => page.getByRole("button", { name: "Stop" }).click(), () => page.keyboard.press("Escape")]) {
    await write(page, greedily("The ", 100_000));
    await page.waitForFunction(() => document.getElementById("output").textContent.length > 20);
    await stop();
    assert.match(await done(page), /^Stopped after [\d,]+ characters/);
    assert.ok((await page.locator("#output").textContent()).length > 20);
  }
  await page.getByRole("button", { name: "Write" }).waitFor();
});

test("Stop ends the reading of a long beginning, too", async () => {
  const page = await model("charlm-gru");
  await write(page, greedily("The miller ".repeat(100_000), 1));
  await page.locator("#output[aria-busy=true]").waitFor({ state: "attached" });
  await page.keyboard.press("Escape");
  assert.match(await done(page), /^Stopped after 0 characters/);
});

test("everything can be done with the keyboard alone", async () => {
  const page = await model("charlm-gru");
  await page.getByLabel("Beginning").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.type("The ");
  await page.keyboard.press("Tab");
  await page.keyboard.type("30");
  await page.keyboard.press("Control+Enter");
  assert.match(await done(page), /^Done: 30 characters/);
  for (const _ of ["temperature", "seed", "button"]) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.match(await done(page), /^Done: 30 characters/);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "folder");
});

test("a text is announced when it is complete, and every field has a name", async () => {
  const page = await model("charlm-gru");
  await write(page, greedily("The ", 100_000));
  await page.locator("#output[aria-live=polite][aria-busy=true]").waitFor();
  await page.keyboard.press("Escape");
  await done(page);
  const tree = await page.locator("body").ariaSnapshot();
  for (const field of ["textbox", "spinbutton", "button"])
    assert.doesNotMatch(tree, new RegExp(`- ${field}( \\[|:|$)`, "m"));
});

describe("what goes wrong is told in one line", () => {
  const alert = (page) => page.getByRole("alert").textContent();

  test("characters that the model has never seen", async () => {
    const page = await model("charlm-gru");
    await write(page, greedily("The 磨坊 mill", 10));
    assert.match(await done(page), /Left out, as the model has never seen it: “磨” \(U\+78E8\), “坊” \(U\+574A\)\.$/);
  });

  test("words that the model has never seen", async () => {
    const page = await model("gru-word");
    await write(page, { "Lines to translate": "the quux sleeps ." });
    assert.match(await done(page), /The model has never seen .*“quux”/);
  });

  test("a line that is too long for the model", async () => {
    const page = await model("transformer-subword");
    await write(page, { "Lines to translate": "磨".repeat(1000) });
    await done(page);
    assert.match(await alert(page), /^a line has 300\d tokens, more than this model reads: cut it$/);
  });

  test("no model", async () => {
    const page = await model("nowhere");
    await page.getByText("No model.").waitFor();
    assert.match(await alert(page), /^nowhere\/model.json is missing \(404\): put an exported model there, or choose/);
  });

  test("another server's model", async () => {
    const page = await model("https://example.org/model");
    await page.getByText("No model.").waitFor();
    assert.match(await alert(page), /only a folder of this server can be read$/);
    assert.deepEqual(
      page.requests.filter((address) => new URL(address).origin !== server.origin),
      [],
    );
  });

  test("the page opened as a file", async () => {
    const page = await visit(browser, `file://${server.folder}/index.html`);
    await page.getByText("No program.").waitFor();
    assert.match(await alert(page), /serve its folder by python3 -m http.server$/);
  });

  test("a page without ONNX Runtime's own file", async () => {
    const page = await visit(browser, "about:blank");
    await page.route(/\.wasm$/, (route) => route.fulfill({ status: 404 }));
    await page.goto(`${server.origin}/?model=charlm-gru`);
    await page.getByText("No model.").waitFor();
    assert.equal(await alert(page), "ONNX Runtime cannot start: build the page again, or take a newer browser");
  });

  for (const [name, change, message] of [
    ["a vocabulary of another model", (about) => about.vocabulary.pop(), "the graph and model.json are of different"],
    ["no vocabulary", (about) => delete about.vocabulary, "model.json is incomplete: export the model again"],
    ["no settings", (about) => delete about.config, "model.json is incomplete: export the model again"],
  ]) {
    test(`a model.json with ${name}`, async () => {
      const page = await visit(browser, "about:blank");
      const about = JSON.parse(readFileSync(join(server.folder, "charlm-gru/model.json")));
      change(about);
      await page.route(/model\.json$/, (route) => route.fulfill({ json: about }));
      await page.goto(`${server.origin}/?model=charlm-gru`);
      await page.getByText("No model.").waitFor();
      assert.ok((await alert(page)).startsWith(message));
    });
  }

  test("a model of another kind", async () => {
    const page = await model("forecaster-gru");
    await page.getByText("No model.").waitFor();
    assert.match(await alert(page), /^this page runs character models and translators, but .* forecaster$/);
  });

  describe("a damaged file", () => {
    const broken = () => join(server.folder, "broken");
    beforeEach(() => rmSync(broken(), { recursive: true, force: true }));

    for (const [name, file] of [
      ["charlm-gru", "model.json"],
      ["charlm-gru", "charlm.onnx"],
      ["gru-word", "encoder.onnx"],
      ["gru-word", "decoder.onnx"],
      ["hybrid-subword", "tokens.model"],
    ]) {
      for (const [damage, mend] of [
        ["missing", () => rmSync(join(broken(), file))],
        ["damaged", () => writeFileSync(join(broken(), file), readFileSync(join(broken(), file)).subarray(0, 500))],
      ]) {
        test(`${file} of ${name} is ${damage}`, async () => {
          cpSync(join(server.folder, name), broken(), { recursive: true });
          mend();
          const page = await model("broken");
          await page.getByText("No model.").waitFor();
          const message = await alert(page);
          assert.ok(message.includes(file) && message.includes(damage) && !message.includes("\n"), message);
        });
      }
    }
  });
});

test("a folder of this computer is a model, too", async () => {
  const page = await model("nowhere");
  await page.getByText("No model.").waitFor();
  await page.getByLabel("Another model").setInputFiles(join(server.folder, "gru-word"));
  const { lines, translations } = ours.translations["gru-word"];
  await write(page, { "Lines to translate": lines[0] });
  await done(page);
  assert.equal(await page.locator("#output").textContent(), translations[0]);
  await page.getByLabel("Another model").setInputFiles(join(server.folder, "src"));
  await page.getByText("the folder has no model.json").waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  test(`on a phone everything fits, in ${colorScheme} colours that can be read`, async () => {
    const phone = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true, colorScheme };
    const page = await visit(browser, `${server.origin}/?model=charlm-gru`, phone);
    await write(page, greedily("x".repeat(100)));
    await done(page);
    for (let width = 320; width <= 420; width += 20) {
      await page.setViewportSize({ width, height: 640 });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      assert.deepEqual(await page.evaluate(spilling), []);
    }
    assert.ok((await contrasts(page)).every((ratio) => ratio >= 4.5));
  });
}

/** The texts of the elements that are too narrow for them. */
const spilling = () =>
  [...document.querySelectorAll("label, button, p")]
    .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth)
    .map((one) => one.textContent);

/** The ratio of text to background of the page's elements (WCAG 2.2, relative luminance). */
function contrasts(page) {
  return page.evaluate(() => {
    const luminance = (color) => {
      const canvas = new OffscreenCanvas(1, 1).getContext("2d");
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const linear = [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const background = (element) => {
      const { backgroundColor } = getComputedStyle(element);
      return backgroundColor === "rgba(0, 0, 0, 0)" && element.parentElement
        ? background(element.parentElement)
        : backgroundColor;
    };
    return [
      ...document.querySelectorAll("h1, #about, label, textarea, button, small, h2, #status, #output, #output b"),
    ].map((one) => {
      const [a, b] = [luminance(getComputedStyle(one).color), luminance(background(one))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    });
  });
}
