// A folder that `rnntext checkpoints export NAME --to onnx` wrote becomes a model.

import { InferenceSession, env } from "onnxruntime-web/wasm";
import { CharacterModel } from "./charlm.js";
import { Language } from "./tokens.js";
import { Translator } from "./translator.js";

// Threads need headers that a plain server does not send, and a step of a model is too small for them.
env.wasm.numThreads = 1;
env.logLevel = "fatal"; // What is wrong is told on the page.

const AGAIN = "export the model again";

/** Reads a folder beside the page: a name becomes the content of the file. */
export function folderBeside(folder) {
  const base = new URL(`${folder}/`, location.href);
  if (base.origin !== location.origin) throw new Error(`${folder}: only a folder of this server can be read`);
  return async (name) => {
    const response = await fetch(new URL(name, base));
    if (!response.ok) {
      throw new Error(
        `${folder}/${name} is missing (${response.status}): put an exported model there, or choose a folder`,
      );
    }
    return new Uint8Array(await response.arrayBuffer());
  };
}

/** Reads a folder of this computer, whose files were chosen on the page. */
export function folderOf(files) {
  return async (name) => {
    const file = files.find((one) => one.name === name);
    if (!file)
      throw new Error(`the folder has no ${name}: choose one that rnntext checkpoints export --to onnx has written`);
    return new Uint8Array(await file.arrayBuffer());
  };
}

/**
 * The model of a folder.
 *
 * @param {(name: string) => Promise<Uint8Array>} read reads a file of it.
 * @returns {Promise<CharacterModel | Translator>}
 * @throws {Error} a file is missing or damaged; the message is one line for the user.
 */
export async function loadModel(read) {
  const about = await parsed("model.json", await read("model.json"), (data) =>
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data)),
  );
  const graph = async (name) => parsed(name, await read(name), session);
  if (about?.kind === "charlm" && about.config && about.vocabulary) {
    return new CharacterModel(about, belongs(await graph("charlm.onnx"), about.vocabulary));
  }
  if (about?.kind === "translator" && about.config) {
    const [source, target] = [await language(about, "source", read), await language(about, "target", read)];
    const [encoder, decoder] = [await graph("encoder.onnx"), await graph("decoder.onnx")];
    return new Translator(about, encoder, belongs(decoder, target.tokens), { source, target });
  }
  if (["charlm", "translator"].includes(about?.kind)) throw new Error(`model.json is incomplete: ${AGAIN}`);
  throw new Error(`this page runs character models and translators, but model.json is of a ${about?.kind}`);
}

/** A graph that answers with as many logits as there are tokens. */
function belongs(graph, tokens) {
  const { shape } = graph.outputMetadata.find(({ name }) => name === "logits");
  if (shape[1] !== tokens.length) throw new Error(`the graph and model.json are of different models: ${AGAIN}`);
  return graph;
}

async function session(data) {
  try {
    return await InferenceSession.create(data);
  } catch (error) {
    if (!String(error.message).startsWith("no available backend")) throw error;
    throw new Unready("ONNX Runtime cannot start: build the page again, or take a newer browser");
  }
}

/** The page itself is at fault, not a file of the model. */
class Unready extends Error {}

async function language(about, side, read) {
  const file = `${about.vocabulary ? "tokens" : side}.model`;
  const model = about.config?.tokens === "subword" ? await read(file) : undefined;
  return parsed(model ? file : "model.json", model, (data) => new Language(about, side, data));
}

/** What a function makes of the content of a file. */
async function parsed(name, content, make) {
  try {
    return await make(content);
  } catch (error) {
    if (error instanceof Unready) throw error;
    throw new Error(`${name} is damaged: ${AGAIN} (${String(error.message ?? error).split("\n")[0]})`);
  }
}
