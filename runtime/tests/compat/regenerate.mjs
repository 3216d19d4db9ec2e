// Writes what Node answers to the cases into `expected/`. Usage: node regenerate.mjs [CASE...]
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { report } from "./show.js";

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
mkdirSync(join(here, "expected"), { recursive: true });
for (const file of readdirSync(join(here, "cases"))) {
  const name = file.replace(/\.js$/, "");
  if (wanted.length === 0 || wanted.includes(name)) {
    const { default: expressions } = await import(join(here, "cases", file));
    writeFileSync(join(here, "expected", `${name}.txt`), await report(expressions));
  }
}
process.exit(0);
