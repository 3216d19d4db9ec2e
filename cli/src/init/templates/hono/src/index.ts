import { Hono } from "hono";

const app = new Hono<{ Bindings: Env }>();

app.get("/", (c) => c.text("Hello from {{name}}!\n"));
app.get("/hello/:name", (c) => c.json({ message: `Hello, ${c.req.param("name")}!` }));
app.notFound((c) => c.json({ error: `there is no ${c.req.path}` }, 404));

export default app;
