// The handler of the `kv` bench, the same for every runtime. A store is what `workers.js` and
// `deno.js` make of their runtime's: `get(key)` answers bytes or null, `put(key, bytes)`,
// `list(prefix)` answers up to 1,000 names, `getMany(keys)` answers texts or nulls.

const NUMBER_DIGITS = 10;

/** The key of a number below a prefix; the Python and the Lua side make the same. */
function key(prefix, number) {
  return `${prefix}:${String(number).padStart(NUMBER_DIGITS, "0")}`;
}

/** The value that `fill` puts: it begins with its key, so that a reader can tell whose it is. */
function value(name, bytes) {
  return `${name}|`.padEnd(bytes, "v");
}

async function get(store, name) {
  const found = await store.get(name);
  return new Response(found ?? "absent");
}

async function put(store, name, request) {
  await store.put(name, await request.arrayBuffer());
  return new Response("stored");
}

async function list(store, prefix) {
  const names = await store.list(`${prefix}:`);
  return new Response(names.join("\n"));
}

/** How many of the keys are there with a value of their own, and the bytes of these values. */
async function many(store, prefix, first, count) {
  const names = Array.from({ length: count }, (_, at) => key(prefix, first + at));
  const values = await store.getMany(names);
  let right = 0;
  let bytes = 0;
  for (let at = 0; at < count; at += 1) {
    if (values[at]?.startsWith(`${names[at]}|`)) {
      right += 1;
      bytes += values[at].length;
    }
  }
  return new Response(`${right} ${bytes}`);
}

async function fill(store, prefix, first, count, bytes) {
  const encoder = new TextEncoder();
  const puts = Array.from({ length: count }, (_, at) => {
    const name = key(prefix, first + at);
    return store.put(name, encoder.encode(value(name, bytes)).buffer);
  });
  await Promise.all(puts);
  return new Response("stored");
}

/** Answers a request with a store. */
export function answer(store, request) {
  const [, what, prefix, ...numbers] = new URL(request.url).pathname.split("/");
  switch (what) {
    case "get":
      return get(store, prefix);
    case "put":
      return put(store, prefix, request);
    case "list":
      return list(store, prefix);
    case "many":
      return many(store, prefix, ...numbers.map(Number));
    case "fill":
      return fill(store, prefix, ...numbers.map(Number));
    default:
      return new Response("nothing here", { status: 404 });
  }
}
