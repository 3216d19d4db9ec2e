// What the workers of the soak do, by path. `NAME` is replaced when a worker is generated.
const name = "NAME";
const encoder = new TextEncoder();

// Byte n of every large answer is `n % 251`, so that the client can compute it, too.
const PIECE = new Uint8Array(251 * 256).map((_, index) => index % 251);

async function hash(request) {
  const digest = await crypto.subtle.digest("SHA-256", await request.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function large(size) {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = PIECE.slice(0, Math.min(PIECE.length, size - sent));
      sent += piece.length;
      controller.enqueue(piece);
      if (sent === size) {
        controller.close();
      }
    },
  });
}

function slowly(count) {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await scheduler.wait(10);
      controller.enqueue(encoder.encode(`${name} ${sent}\n`));
      sent += 1;
      if (sent === count) {
        controller.close();
      }
    },
  });
}

async function later(id) {
  await scheduler.wait(50);
  console.log(`later ${id}`);
}

function grow() {
  const kept = [];
  for (;;) {
    kept.push({ text: `${kept.length} is kept`, list: new Array(100).fill(kept.length) });
  }
}

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const number = Number(url.searchParams.get("n"));
    switch (url.pathname) {
      case "/hash":
        return new Response(await hash(request));
      case "/echo":
        return new Response(request.body);
      case "/large":
        return new Response(large(number));
      case "/slowly":
        return new Response(slowly(number));
      case "/wait":
        await scheduler.wait(number);
        return new Response(`${name} waited`);
      case "/later":
        ctx.waitUntil(later(number));
        return new Response(`${name} promises`);
      case "/throw":
        throw new Error(`${name} throws`);
      case "/throw-in-body":
        return new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(encoder.encode("begun"));
            },
            pull() {
              throw new Error(`${name} throws in its body`);
            },
          }),
        );
      case "/never":
        return new Promise(() => {});
      case "/loop":
        for (;;) {}
      case "/grow":
        grow();
      case "/buffers":
        for (const kept = []; ; ) {
          kept.push(new Uint8Array(4 << 20));
        }
      default:
        return new Response(name);
    }
  },
};
