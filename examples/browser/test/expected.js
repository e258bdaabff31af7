// What the tests compare with: models, and what rnntext itself makes of them, written by models.py once for all tests.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname;
const python = process.env.PYTHON ?? join(here, "../../../.venv/bin/python");

/** A folder with an exported model in each of its folders, and expected.json; it goes when the process ends. */
export function expected() {
  if (!existsSync(python)) throw new Error(`${python} is missing: run make test-browser, or set PYTHON`);
  const folder = mkdtempSync(join(tmpdir(), "rnntext-browser-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  execFileSync(python, [join(here, "models.py"), folder], { stdio: ["ignore", "inherit", "inherit"] });
  return { folder, ...JSON.parse(readFileSync(join(folder, "expected.json"))) };
}
