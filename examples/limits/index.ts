// A worker that does everything wrong. Each path runs into one limit.

const paths: Record<string, (request: Request) => Response | Promise<Response>> = {
  "/": () => new Response("Still here.\n"),

  "/cpu": () => {
    while (true);
  },

  "/memory": () => {
    const hoard: Uint8Array[] = [];
    while (true) hoard.push(new Uint8Array(1 << 25));
  },

  "/throw": () => {
    throw new RangeError("this worker is out of luck");
  },

  "/never": () => new Promise(() => {}),

  "/subrequests": async ({ url }) => {
    let made = 0;
    try {
      for (; made < 10; made++) await (await fetch(new URL("/", url))).text();
      return new Response("There is no limit.\n");
    } catch (error) {
      return new Response(`${made} subrequests, then ${error}\n`);
    }
  },
};

export default {
  fetch(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    return paths[pathname]?.(request) ?? new Response("Nothing here\n", { status: 404 });
  },
};
