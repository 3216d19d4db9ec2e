// Starts `worker.js` in miniflare with its queues. The environment has the folder that miniflare is installed in
// (PEERS), the port (PORT) and the URL of the sink (SINK).
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const { PEERS, PORT, SINK } = process.env;
const require = createRequire(path.join(path.resolve(PEERS), "package.json"));
const { Miniflare } = await import(pathToFileURL(require.resolve("miniflare")).href);

const at = (maxBatchSize, maxBatchTimeout) => ({ maxBatchSize, maxBatchTimeout });
const here = import.meta.dirname;
const server = new Miniflare({
  host: "127.0.0.1",
  port: Number(PORT),
  modules: true,
  modulesRoot: here,
  modulesRules: [{ type: "ESModule", include: ["**/*.js"] }],
  scriptPath: path.join(here, "worker.js"),
  compatibilityDate: "2026-07-01",
  bindings: { SINK },
  queueProducers: { BATCH_1: "batch-1", BATCH_10: "batch-10", BATCH_100: "batch-100", EACH: "each" },
  queueConsumers: {
    "batch-1": at(1, 0),
    "batch-10": at(10, 1),
    "batch-100": at(100, 1),
    each: at(1, 0),
  },
});
await server.ready;

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await server.dispose();
    process.exit(0);
  });
}
