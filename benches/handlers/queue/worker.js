// Sends messages and consumes them. The queues `batch-1`, `batch-10` and `batch-100` are consumed in batches of
// so many, `each` one by one and at once, each of whose messages is told to SINK, and `backlog` in batches of
// 100.
const TEXT = "x".repeat(100);
const queues = { 1: "BATCH_1", 10: "BATCH_10", 100: "BATCH_100", backlog: "BACKLOG" };
let sent = 0;
let consumed = 0;

function told(env, id) {
  return fetch(`${env.SINK}?${id}`);
}

async function send(env, params) {
  const queue = env[queues[params.get("queue")]];
  const count = Number(params.get("n"));
  if (count === 1) {
    await queue.send(TEXT);
  } else {
    await queue.sendBatch(Array.from({ length: count }, () => ({ body: TEXT })));
  }
  sent += count;
  return new Response("sent\n");
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/send":
        return send(env, searchParams);
      case "/each":
        await env.EACH.send(Number(searchParams.get("id")));
        return new Response("sent\n");
      case "/direct":
        await told(env, searchParams.get("id"));
        return new Response("told\n");
      case "/counts":
        return Response.json({ sent, consumed });
      default:
        return new Response("no such path\n", { status: 404 });
    }
  },
  async queue({ queue, messages }, env) {
    if (queue === "each") {
      await Promise.all(messages.map(({ body }) => told(env, body)));
    } else if (!messages.every(({ body }) => body === TEXT)) {
      throw new Error("a message is not what was sent");
    }
    consumed += messages.length;
  },
};
