import {
  env as importedEnv,
  exports as importedExports,
  RpcPromise,
  RpcProperty,
  RpcStub,
  RpcTarget,
  ServiceStub,
  withEnv,
  withEnvAndExports,
  withExports,
  WorkerEntrypoint,
} from "cloudflare:workers";

/** What a function answers, or what it throws. */
async function tried(f) {
  try {
    return await f();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error;
  }
}

/** Waits until something holds, for some seconds. */
async function until(holds) {
  for (let i = 0; i < 500 && !await holds(); i++) {
    await scheduler.wait(10);
  }
}

/** Whether something is not so for a while. */
async function stays(holds) {
  for (let i = 0; i < 10; i++) {
    if (!await holds()) {
      return false;
    }
    await scheduler.wait(5);
  }
  return true;
}
