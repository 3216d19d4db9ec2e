// Answers with 30 MiB that are made once.
const body = "x".repeat(30 << 20);

export default {
  fetch() {
    return new Response(body);
  },
};
