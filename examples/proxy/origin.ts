// The server behind the proxy: a worker of its own.

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const headers = { "content-type": "text/plain", server: "the origin" };
    switch (pathname) {
      case "/via":
        return new Response(`${request.headers.get("via")}\n`, { headers });
      case "/echo":
        return new Response(request.body, { headers });
      case "/shout":
        return new Response(request.body?.pipeThrough(shout()) ?? null, { headers });
      case "/count":
        return new Response(count(3).pipeThrough(new TextEncoderStream()), { headers });
      case "/away":
        return new Response(null, { status: 302, headers: { location: "/via" } });
      default:
        return new Response("Nothing here\n", { status: 404, headers });
    }
  },
};

/** ASCII letters in upper case, piece by piece. */
function shout(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(piece, controller) {
      controller.enqueue(piece.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte)));
    },
  });
}

/** A line now, and one more each tenth of a second. */
function count(lines: number): ReadableStream<string> {
  let line = 0;
  return new ReadableStream({
    async pull(controller) {
      if (line > 0) await new Promise((resolve) => setTimeout(resolve, 100));
      line += 1;
      controller.enqueue(`line ${line}\n`);
      if (line === lines) controller.close();
    },
  });
}
