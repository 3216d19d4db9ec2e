// Burns CPU: for ever, which ends at the limit, or a given number of rounds. The answer is the
// sum, so that the work cannot be optimised away and can be checked.
function work(rounds) {
  let sum = 0;
  for (let round = 0; round < rounds; round += 1) {
    sum = (sum * 31 + round) >>> 0;
  }
  return sum;
}

function concatenate() {
  for (let text = ""; ; ) {
    text += "x";
    if (text.length > 1000) {
      text = "";
    }
  }
}

async function settle() {
  for (;;) {
    await null;
  }
}

export default {
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/rounds":
        return new Response(String(work(Number(url.searchParams.get("n")))));
      case "/loop":
        return new Response(String(work(Infinity)));
      case "/allocate":
        return new Response(concatenate());
      case "/parse":
        for (;;) {
          JSON.parse('{"a": [1, 2, 3, {"b": "c"}]}');
        }
      case "/microtasks":
        await settle();
      default:
        return new Response("burn");
    }
  },
};
