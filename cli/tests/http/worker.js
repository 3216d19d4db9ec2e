// The worker of the tests: each path is one behaviour. What it logs, the tests wait for.

const never = () => new Promise((resolve) => setTimeout(resolve, 3_600_000));

const paths = {
  '/': ({ url }) => new Response(`hello ${url.host}`),

  '/url': ({ request }) => new Response(request.url),

  '/later': async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return new Response('later');
  },

  '/echo': ({ request }) => new Response(request.body),

  '/read': async ({ request }) => {
    console.log('reading');
    try {
      const body = await request.arrayBuffer();
      return new Response(`read ${body.byteLength}`);
    } catch (error) {
      console.log(`the body failed: ${error.name}`);
      throw error;
    }
  },

  '/hang': async ({ request }) => {
    request.signal.addEventListener('abort', () => console.log('the signal aborted'));
    console.log('hanging');
    await never();
    return new Response('never');
  },

  '/endless': () => {
    const piece = new Uint8Array(1024).fill(46);
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(piece),
      cancel: () => console.log('the stream was cancelled'),
    });
    return new Response(body);
  },

  '/open': () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('a part')),
      pull: never,
    });
    return new Response(body);
  },

  '/breaks': () => {
    let pulls = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulls += 1;
        if (pulls > 1) throw new Error('the source of the stream is gone');
        controller.enqueue(new TextEncoder().encode('a part'));
      },
    });
    return new Response(body);
  },

  '/events': ({ request }) => {
    request.signal.addEventListener('abort', () => console.log('the signal aborted'));
    const body = new ReadableStream({
      start: (controller) => controller.enqueue('data: é\n\n'),
      pull: never,
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  },

  '/silent': () => new Response(new ReadableStream({ pull: never })),

  '/fails': () => {
    const body = new ReadableStream({
      pull() {
        throw new Error('the password is swordfish');
      },
    });
    return new Response(body);
  },

  '/name': ({ url }) =>
    new Response('named', { headers: { 'x-name': url.searchParams.get('is') } }),

  '/fetch': async ({ url }) => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue('né');
        controller.close();
      },
    });
    const headers = { 'x-name': '日本' };
    const answer = await fetch(url.searchParams.get('target'), { method: 'POST', headers, body });
    return new Response(`${answer.headers.get('x-name')} ${answer.headers.get('x-old')}`);
  },

  '/status': ({ url }) => {
    const status = Number(url.searchParams.get('is'));
    return new Response(null, { status, headers: { etag: '"e"', 'x-kept': 'yes' } });
  },

  '/hops': () =>
    new Response('hops', {
      headers: {
        connection: 'close, x-internal',
        'isolane-error': '1102',
        'isolane-outcome': 'exceededMemory',
        'keep-alive': 'timeout=1',
        'proxy-authenticate': 'Basic',
        'proxy-connection': 'close',
        te: 'trailers',
        trailer: 'x-trailer',
        'transfer-encoding': 'gzip',
        upgrade: 'h2c',
        'x-internal': 'yes',
        'x-public': 'yes',
      },
    }),

  '/cf': ({ request }) => Response.json(request.cf),

  '/headers': ({ request }) => {
    const lines = [...request.headers].map(([name, value]) => `${name}: ${value}\n`);
    return new Response(lines.join(''));
  },

  '/throw': () => {
    throw new TypeError('the password is swordfish');
  },

  '/never': () => new Promise(() => {}),
};

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const behaviour = paths[url.pathname];
    return behaviour?.({ request, url }) ?? new Response(null, { status: 404 });
  },
};
