// The built page in a browser, served as the README says.

import { execFileSync, spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const here = import.meta.dirname;
const PATIENCE = 300_000; // ms; a busy machine is no mistake of the page
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Builds the page with all models of a folder beside it, and serves it; returns its address and what stops it. */
export async function serve(models, names) {
  const folder = join(models, "dist");
  execFileSync(process.execPath, [join(here, "../build.js"), join(models, names[0]), folder], { env: {} });
  for (const name of names) cpSync(join(models, name), join(folder, name), { recursive: true });
  const server = spawn("python3", ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const port = await new Promise((resolve, reject) => {
    server.stdout.once("data", (data) => resolve(/port (\d+)/.exec(data)[1]));
    server.on("error", reject);
  });
  return { folder, origin: `http://127.0.0.1:${port}`, stop: () => server.kill() };
}

export const launch = () => chromium.launch({ executablePath, args: ["--no-sandbox"] });

/** A page of its own, which notes what it asks for and what goes wrong in it. */
export async function visit(browser, address, options = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.requests = [];
  page.mistakes = [];
  page.on("request", (request) => page.requests.push(request.url()));
  page.on("pageerror", (error) => page.mistakes.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.mistakes.push(message.text()));
  await page.goto(address);
  return page;
}

/** Waits until the page has written what it was asked for; returns what it says about that. */
export async function done(page) {
  await page.locator("#output[aria-busy=false]").waitFor({ state: "attached" });
  return page.locator("#status").textContent();
}
