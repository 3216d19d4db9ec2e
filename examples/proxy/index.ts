interface Env {
  /** Where requests go: scheme, host and port. */
  ORIGIN: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.set("via", "1.1 proxy");

    // The bodies are streams. They are handed on as they come and never held as a whole.
    const answer = await fetch(new URL(pathname + search, env.ORIGIN), {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
    });

    // The headers of a fetched response cannot be changed, those of a copy can.
    const response = new Response(answer.body, answer);
    response.headers.set("server", "a proxy");
    return response;
  },
};
