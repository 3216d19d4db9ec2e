// The handler of the `hello` bench, the same for every runtime with a `fetch` handler.
export default {
  fetch() {
    return new Response("Hello, world!\n");
  },
};
