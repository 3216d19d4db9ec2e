/** What a handler is called with: the values of the pattern's `:names`, and the worker's `env`. */
export interface Context<Env> {
  request: Request;
  env: Env;
  params: Record<string, string | undefined>;
}

export type Handler<Env> = (context: Context<Env>) => Response | Promise<Response>;

interface Route<Env> {
  method: string;
  pattern: URLPattern;
  handler: Handler<Env>;
}

/** Finds the handler for a request: the first route with its path and its method. */
export class Router<Env> {
  #routes: Route<Env>[] = [];

  on(method: string, pathname: string, handler: Handler<Env>): this {
    this.#routes.push({ method, pattern: new URLPattern({ pathname }), handler });
    return this;
  }

  async handle(request: Request, env: Env): Promise<Response> {
    const allowed = new Set<string>();
    for (const { method, pattern, handler } of this.#routes) {
      const match = pattern.exec(request.url);
      if (match === null) continue;
      if (method === request.method) {
        return handler({ request, env, params: match.pathname.groups });
      }
      allowed.add(method);
    }
    if (allowed.size === 0) return new Response("Not found\n", { status: 404 });
    const allow = [...allowed].join(", ");
    return new Response(`Allowed here: ${allow}\n`, { status: 405, headers: { allow } });
  }
}
