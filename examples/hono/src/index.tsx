import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { etag } from "hono/etag";
import { streamText } from "hono/streaming";
import { validator } from "hono/validator";

import { Page } from "./page";

type Env = { Bindings: { API_KEY: string; BOOK: KVNamespace } };

const app = new Hono<Env>();

app.get("/", etag(), async (c) => {
  const { keys } = await c.env.BOOK.list({ prefix: "guest:" });
  return c.html(<Page guests={keys.map(({ name }) => name.slice("guest:".length))} />);
});

app.get("/countdown", (c) =>
  streamText(c, async (out) => {
    for (const word of ["three", "two", "one", "go"]) {
      await out.writeln(word);
      await out.sleep(100);
    }
  }));

app.use("/guests/*", (c, next) => bearerAuth({ token: c.env.API_KEY })(c, next));

app.put(
  "/guests/:name",
  validator("json", ({ note }, c) =>
    typeof note === "string" ? { note } : c.json({ error: "note: expected text" }, 400)),
  async (c) => {
    await c.env.BOOK.put(`guest:${c.req.param("name")}`, c.req.valid("json").note);
    return c.json({ stored: c.req.param("name") }, 201);
  },
);

app.get("/guests/:name", async (c) => {
  const note = await c.env.BOOK.get(`guest:${c.req.param("name")}`);
  return note === null ? c.notFound() : c.json({ note });
});

export default app;
