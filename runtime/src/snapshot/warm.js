// Runs while the snapshot is made: the usual paths of a worker, so that V8 has compiled
// their functions before a worker's first event. No object with a finaliser may be left.
(() => {
  "use strict";
  const isolane = globalThis.__isolane;
  const handlers = [
    () => new Response("hello"),
    (request) => {
      const url = new URL(request.url);
      url.pathname;
      url.searchParams.get("d");
      request.method;
      request.headers.get("a");
      return new Response("x", { status: 201, headers: { "content-type": "text/html", "x-a": "b" } });
    },
    async (request) => {
      await 1;
      for (const [name, value] of request.headers) {
        `${name}${value}`;
      }
      return Response.json({ a: 1 });
    },
    async () => {
      const headers = new Headers({ a: "b" });
      headers.set("c", "d");
      headers.append("c", "e");
      return new Response(new TextEncoder().encode("abc"), { headers });
    },
    () => Response.redirect("http://a.b/"),
    () => new Response(null, { status: 204 }),
    (_request, env, ctx) => {
      ctx.waitUntil(Promise.resolve());
      return new Response(`${typeof env}`);
    },
  ];
  for (const fetch of handlers) {
    for (let i = 0; i < 3; i++) {
      isolane.install({ default: { fetch } });
      // A `fetch` event, of the default export, with the number of the one that is there.
      isolane.dispatch(0, 1, 0, false, undefined);
    }
  }
  isolane.prepare('{"compatibility":{"unsafeSharedMemory":true},"entries":[]}', []);
  // V8's own come after the snapshot.
  isolane.installWebAssembly({
    SharedArrayBuffer: class SharedArrayBuffer {},
    WebAssembly: {
      Instance: class Instance {
        get exports() {}
      },
      Memory: class Memory {
        grow() {}
      },
      Module: class Module {},
      compile() {},
      instantiate() {},
      promising() {},
    },
  });
  isolane.reset();
  new TextDecoder().decode(new TextEncoder().encode("abc"));
  atob(btoa("abc"));
  structuredClone({ a: [1] });
})();
