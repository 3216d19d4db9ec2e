// Writes what Node answers to the cases into `expected/`. Usage: node regenerate.mjs [CASE...]
// Each case runs in a process of its own, for one can change what another sees.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { report } from "./show.js";

const here = dirname(fileURLToPath(import.meta.url));

async function answer(name) {
  const { default: expressions } = await import(join(here, "cases", `${name}.js`));
  writeFileSync(join(here, "expected", `${name}.txt`), await report(expressions));
  process.exit(0);
}

if (process.argv[2] === "--answer") {
  await answer(process.argv[3]);
}
mkdirSync(join(here, "expected"), { recursive: true });
const all = readdirSync(join(here, "cases")).map((file) => file.replace(/\.js$/, ""));
const wanted = process.argv.slice(2);
for (const name of wanted.length === 0 ? all : wanted) {
  const self = fileURLToPath(import.meta.url);
  execFileSync(process.execPath, ["--no-deprecation", self, "--answer", name], { stdio: "inherit" });
}
