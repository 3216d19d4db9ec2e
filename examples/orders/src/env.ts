/** What `wrangler.toml` puts into `env`: of each binding the part that is used here. */
export interface Env {
  ORDERS: Namespace;
  PAYMENTS: { send(body: Payment): Promise<unknown> };
}

export interface Namespace {
  get<Value>(key: string, type: "json"): Promise<Value | null>;
  put(key: string, value: string, options?: { metadata?: unknown }): Promise<void>;
  list<Metadata>(options: { prefix: string; cursor?: string }): Promise<{
    keys: { name: string; metadata?: Metadata }[];
    list_complete: boolean;
    cursor?: string;
  }>;
}

/** The body of a message: which order is to be paid. */
export interface Payment {
  id: string;
}

export interface Message {
  body: Payment;
  /** The number of this delivery, from 1. */
  attempts: number;
  ack(): void;
  retry(): void;
}

export interface Batch {
  queue: string;
  messages: Message[];
}
