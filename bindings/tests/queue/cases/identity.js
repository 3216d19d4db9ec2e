// What a queue is, what each call costs, and what is under way.

test("a method of something else is an illegal invocation", () => {
  for (const method of ["send", "sendBatch", "metrics"]) {
    const call = Q[method];
    for (const self of [undefined, {}, Object.create(Q), new Proxy(Q, {})]) {
      throws(() => call.call(self, 1), "TypeError", "Illegal invocation");
    }
  }
});

test("a queue has a name, shows nothing, and cannot be made", () => {
  equal(Object.prototype.toString.call(Q), "[object WorkerQueue]");
  equal(Q.constructor.name, "WorkerQueue");
  equal(Reflect.ownKeys(Q), []);
  throws(() => new Q.constructor(), "TypeError", "Illegal constructor");
  throws(() => new (class extends WorkerQueue {})(), "TypeError", "Illegal constructor");
});

test("a queue cannot be cloned, nor what holds it", () => {
  for (const value of [Q, { deep: [Q] }]) {
    let error;
    try {
      structuredClone(value);
    } catch (caught) {
      error = caught;
    }
    equal([error instanceof DOMException, error.name], [true, "DataCloneError"]);
  }
});

test("each call is one subrequest, and what is refused before it none", async () => {
  const cost = async (call) => {
    const before = subrequests.charged;
    await call().catch(() => {});
    return subrequests.charged - before;
  };
  equal(await cost(() => Q.send(1)), 1);
  equal(await cost(() => Q.sendBatch([{ body: 1 }, { body: 2 }])), 1);
  equal(await cost(() => Q.metrics()), 1);
  equal(await cost(() => FULL.send(1)), 1);
  equal(await cost(() => Q.send()), 0);
  equal(await cost(() => Q.send(1, { contentType: "xml" })), 0);
});

test("an event with no subrequests left sends nothing", async () => {
  subrequests.limit = subrequests.charged;
  try {
    for (const call of [() => Q.send(1), () => Q.sendBatch([{ body: 1 }]), () => Q.metrics()]) {
      await rejects(call(), "Error", "Too many subrequests.");
    }
  } finally {
    subrequests.limit = Infinity;
  }
  equal(sent(), []);
});

test("six calls are under way at a time, and what waits is charged", async () => {
  const body = "x".repeat(1000);
  const calls = Array.from({ length: 40 }, () => Q.send(body, { contentType: "text" }));
  equal(charged(), 40_000);
  await Promise.all(calls);
  equal([sent().length, mostUnderWay(), charged()], [40, 6, 0]);
});
