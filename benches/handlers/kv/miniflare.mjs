// Starts `workers.js` in miniflare with its data on disk. The environment has the folder that
// miniflare is installed in (PEERS), the port (PORT) and the folder for the data (DATA).
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const { PEERS, PORT, DATA } = process.env;
const require = createRequire(path.join(path.resolve(PEERS), "package.json"));
const { Miniflare } = await import(pathToFileURL(require.resolve("miniflare")).href);

const here = import.meta.dirname;
const server = new Miniflare({
  host: "127.0.0.1",
  port: Number(PORT),
  modules: true,
  modulesRoot: here,
  modulesRules: [{ type: "ESModule", include: ["**/*.js"] }],
  scriptPath: path.join(here, "workers.js"),
  compatibilityDate: "2026-07-01",
  kvNamespaces: { KV: "bench" },
  kvPersist: DATA,
});
await server.ready;

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await server.dispose();
    process.exit(0);
  });
}
