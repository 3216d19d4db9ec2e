// Answers with the worker's own host, so that an answer of another worker is seen. `NAME` is
// replaced when the worker is generated.
const body = "NAME";

export default {
  fetch() {
    return new Response(body);
  },
};
