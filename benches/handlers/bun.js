// `hello.js` in Bun's server. With `reusePort` several processes share the port.
import hello from "./hello.js";

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT),
  reusePort: Number(process.env.PARALLEL) > 1,
  development: false,
  fetch: hello.fetch,
});
