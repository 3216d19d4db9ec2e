// Who calls: makes `n` calls of the kind that the path names, one after the other, and answers how many
// came to what they should.
const KINDS = {
  promise: () => async () => (await Promise.resolve(3)) === 3,
  fetch: ({ S }) => async () => (await (await S.fetch("http://x/")).text()) === "3",
  method: ({ S }) => async () => (await S.add(1, 2)) === 3,
  async stub({ S }) {
    const counter = await S.counter();
    let expected = 0;
    return async () => (await counter.add(1)) === ++expected;
  },
  async pipelined({ S }) {
    const counter = await S.counter();
    let expected = 0;
    // A hundred at once; each counts as one.
    return async (left) => {
      const many = Math.min(100, left);
      const sums = await Promise.all(Array.from({ length: many }, () => counter.add(1)));
      expected += many;
      return sums.at(-1) === expected ? many : 0;
    };
  },
  async "64 KiB"({ S }) {
    const bytes = new Uint8Array(65536);
    return async () => (await S.size(bytes)) === bytes.length;
  },
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const call = await KINDS[decodeURIComponent(url.pathname.slice(1))](env);
    const n = Number(url.searchParams.get("n"));
    let good = 0;
    for (let left = n; left > 0;) {
      const done = await call(left);
      good += Number(done);
      left -= typeof done === "number" && done > 0 ? done : 1;
    }
    return new Response(`${good}\n`);
  },
};
