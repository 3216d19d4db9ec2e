import type { Env } from "./env.ts";
import * as menu from "./menu.ts";
import { Router } from "./router.ts";

const router = new Router<Env>()
  .on("GET", "/greet/:name", ({ env, params }) => new Response(`${env.GREETING}, ${params.name}!\n`))
  .on("GET", "/menu", menu.list)
  .on("GET", "/menu/:name", menu.show)
  .on("POST", "/orders", menu.order);

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return router.handle(request, env);
  },
};
