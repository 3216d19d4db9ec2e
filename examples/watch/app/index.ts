// A worker with a mistake, a bank that does not answer, and an endless loop.

const PRICES = new Map([
  ["bread", 250],
  ["tea", 450],
]);

export default {
  fetch(request: Request): Response {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "pay") return pay();
    while (name === "loop");
    return new Response(`${priceOf(name)}\n`);
  },
};

function pay(): Response {
  // It is answered as it should be, and somebody has to know all the same.
  console.error("the bank does not answer");
  return new Response("Not now\n", { status: 502 });
}

function priceOf(name: string): number {
  const price = PRICES.get(name);
  if (price === undefined) {
    throw new RangeError(`no price for ${name}`);
  }
  return price;
}
