// The page: its form, the text as it is written, and what went wrong.

import { CharacterModel } from "./charlm.js";
import { folderBeside, folderOf, loadModel } from "./model.js";
import { named } from "./text.js";

const FRAME = 25; // ms between two looks of the browser at what the user does
const SHOWN = 250; // ms between two numbers that are shown
const $ = (id) => document.getElementById(id);
const elements = {
  form: $("form"),
  go: $("go"),
  output: $("output"),
  status: $("status"),
  rate: $("rate"),
  error: $("error"),
};
let model;
let opening; // what was asked for last
let running; // an AbortController while a text is written

// The model -----------------------------------------------------------------------------------------------------------

async function open(read) {
  const mine = (opening = Symbol());
  running?.abort();
  tell("");
  elements.form.hidden = $("answer").hidden = true;
  $("about").textContent = "Reading the model …";
  try {
    const loaded = await loadModel(read());
    if (mine !== opening) return;
    model = loaded;
    show();
  } catch (error) {
    if (mine !== opening) return;
    $("about").textContent = "No model.";
    tell(error.message);
  }
}

function show() {
  const { config, version } = model.about;
  const writes = model instanceof CharacterModel;
  const kind = writes ? `character model, ${config.cell.toUpperCase()}` : `translator, ${config.architecture}`;
  $("about").textContent = `A ${kind}, version ${version}, with ${config.layers} × ${config.units} units.`;
  $("input-label").textContent = writes ? "Beginning of the text" : "Lines to translate";
  $("answer-title").textContent = writes ? "Text" : "Translation";
  $("sampling").hidden = $("sampling").disabled = !writes;
  elements.form.hidden = false;
  label();
}

function label() {
  elements.go.textContent = running ? "Stop" : model instanceof CharacterModel ? "Write" : "Translate";
  elements.go.classList.toggle("running", Boolean(running));
}

function tell(message) {
  elements.error.hidden = message === "";
  elements.error.textContent = message;
}

// The text ------------------------------------------------------------------------------------------------------------

async function go() {
  const { output, status } = elements;
  const controller = (running = new AbortController());
  label();
  tell("");
  $("answer").hidden = false;
  output.replaceChildren();
  output.setAttribute("aria-busy", "true"); // Screen readers read the text when it is complete.
  const write = model instanceof CharacterModel ? writeText : writeTranslations;
  const notes = [];
  try {
    const end = await write(controller.signal, notes);
    notes.unshift(controller.signal.aborted ? `Stopped after ${end}.` : `Done: ${end}.`);
  } catch (error) {
    notes.unshift("Not done.");
    tell(String(error.message).split("\n")[0]);
  }
  status.textContent = notes.join(" ");
  elements.rate.textContent = "";
  output.setAttribute("aria-busy", "false");
  running = undefined;
  label();
}

/** Writes the continuation of a text; returns what there is to say about it, and adds notes for the user. */
async function writeText(signal, notes) {
  const seed = $("seed").value === "" ? crypto.getRandomValues(new Uint32Array(1))[0] : Number($("seed").value);
  const length = Number($("length").value);
  const { text, unknown } = model.read($("input").value);
  if (unknown.length) notes.push(`Left out, as the model has never seen it: ${named(unknown)}.`);
  const prompt = document.createElement("b");
  prompt.textContent = text;
  const continuation = document.createTextNode("");
  elements.output.append(prompt, continuation);
  const pace = new Pace(signal);
  for await (const character of model.characters(text, { temperature: Number($("temperature").value), seed })) {
    continuation.appendData(character);
    await pace.count(character === "" ? 0 : 1);
    if (signal.aborted || pace.characters === length) break;
  }
  return `${pace}, seed ${seed}`;
}

/** Writes the translation of each line; the rest as `writeText`. */
async function writeTranslations(signal, notes) {
  const pace = new Pace(signal);
  const unknown = [];
  for (const [number, line] of $("input").value.split("\n").entries()) {
    if (number) elements.output.append("\n");
    const answer = document.createTextNode("");
    elements.output.append(answer);
    const read = model.read(line);
    unknown.push(...read.unknown);
    for await (const text of model.translation(read.ids)) {
      const more = text.length - answer.length;
      answer.data = text;
      await pace.count(more);
      if (signal.aborted) break;
    }
    if (signal.aborted) break;
  }
  if (unknown.length) notes.push(`The model has never seen ${named(unknown)}.`);
  return `${pace}`;
}

/** Counts characters, and lets the browser look at what the user does from time to time. */
class Pace {
  constructor(signal) {
    this.signal = signal;
    this.characters = 0;
    this.begin = this.looked = this.shown = performance.now();
    elements.status.textContent = "Writing …";
  }

  async count(characters) {
    const now = performance.now();
    if (this.characters + characters === 0) this.begin = now; // Reading does not count.
    this.characters += characters;
    if (now - this.looked < FRAME) return;
    if (now - this.shown > SHOWN) {
      elements.rate.textContent = `${this}`;
      this.shown = now;
    }
    const { port1, port2 } = new MessageChannel(); // A timer would wait for some milliseconds.
    await new Promise((resolve) => {
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
    port1.close();
    this.looked = performance.now();
  }

  toString() {
    const seconds = (performance.now() - this.begin) / 1000;
    const rate = Math.round(this.characters / seconds);
    return `${this.characters.toLocaleString("en")} characters, ${rate.toLocaleString("en")} characters/s`;
  }
}

// The user ------------------------------------------------------------------------------------------------------------

elements.form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) running.abort();
  else go();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
  if (event.key === "Enter" && event.ctrlKey && !running && !elements.form.hidden) elements.form.requestSubmit();
});
$("folder").addEventListener("change", ({ target }) => {
  const files = [...target.files];
  if (files.length) open(() => folderOf(files));
});
open(() => folderBeside(new URLSearchParams(location.search).get("model") ?? "model"));
