/** What isolane.toml gives to the worker. */
interface Env {
  /** A variable. */
  GREETING: string;
}

/** An event that is running. */
interface ExecutionContext {
  /** Lets work go on after the response. */
  waitUntil(promise: Promise<unknown>): void;
  passThroughOnException(): void;
}

/** What the main module exports. */
interface ExportedHandler<E = unknown> {
  fetch?(request: Request, env: E, ctx: ExecutionContext): Response | Promise<Response>;
}
