// Takes what it can get, in the way that the path says, for as long as it is let.
const kept = [];

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/loop":
        for (;;);
      case "/slices":
        for (;;) {
          for (let i = 0; i < 1e6; i += 1);
          await scheduler.wait(0);
        }
      case "/builtin":
        // What V8 does not look for limits in.
        for (;;) {
          new Float64Array(1_200_000).map((_, i) => -i).sort();
        }
      case "/memory":
        for (;;) {
          kept.push(new Array(1000).fill(pathname));
        }
      default:
        return new Response("flood");
    }
  },
};
