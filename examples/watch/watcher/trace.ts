/** What became of an event: the part of a `TraceItem` of Workers that is used here. */
export interface TraceItem {
  event: { request?: { method: string; url: string }; cron?: string; queue?: string } | null;
  /** In milliseconds since 1970. */
  eventTimestamp: number | null;
  scriptName: string | null;
  outcome: string;
  logs: { level: string; message: unknown[] }[];
  exceptions: { name: string; message: string; stack?: string }[];
}

export interface WorkerError {
  text: string;
  stack?: string;
  /** In the sources. */
  place?: string;
}

/** What was thrown, and what was logged as an error. */
export function errorsOf({ exceptions, logs, outcome }: TraceItem): WorkerError[] {
  const thrown = exceptions.map(({ name, message, stack }): WorkerError => {
    return { text: `${name}: ${message}`, stack, place: placeIn(stack) };
  });
  const logged = logs.filter(({ level }) => level === "error");
  const errors = [...thrown, ...logged.map(({ message }) => ({ text: message.join(" ") }))];
  // An event that a limit has ended has thrown nothing. That a client has gone is no error.
  if (errors.length === 0 && outcome !== "ok" && outcome !== "canceled") {
    errors.push({ text: outcome });
  }
  return errors;
}

/** What the event was. What may be a secret in a URL is `REDACTED` in it. */
export function whatOf({ event }: TraceItem): string {
  if (event?.request) {
    const { pathname, search } = new URL(event.request.url);
    return `${event.request.method} ${pathname}${search}`;
  }
  if (event?.cron) return `cron ${event.cron}`;
  return event?.queue ? `queue ${event.queue}` : "event";
}

/** `index.ts:7:11` of the first frame, such as `    at priceOf (index.ts:7:11)`. */
function placeIn(stack = ""): string | undefined {
  return /^ *at .*?([^\s()]+:\d+:\d+)\)?$/m.exec(stack)?.[1];
}
