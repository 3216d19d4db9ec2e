/** What isolane.toml gives to the worker. */
interface Env {
  /** The namespace that the binding of that name leads to. */
  VISITS: KVNamespace;
}

/** Keys and values that stay. */
interface KVNamespace {
  get(key: string): Promise<string | null>;
  put(
    key: string,
    value: string | ArrayBuffer | ArrayBufferView | ReadableStream,
    options?: { expiration?: number; expirationTtl?: number; metadata?: unknown },
  ): Promise<void>;
  delete(key: string): Promise<void>;
  list(options?: { prefix?: string; limit?: number; cursor?: string }): Promise<{
    keys: { name: string; expiration?: number; metadata?: unknown }[];
    list_complete: boolean;
    cursor?: string;
  }>;
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
