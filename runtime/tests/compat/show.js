// Runs the expressions of a case and writes what they give, the same way under Node and in an
// isolate. Does not use what it tests.

const LIMIT = 2000;

/** A value in one line, with what JSON loses. */
export function show(value, depth = 0, seen = []) {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return String(value);
  if (typeof value === "function") return `[function ${value.name}]`;
  if (Object.is(value, -0)) return "-0";
  if (value === null || typeof value !== "object") return String(value);
  if (seen.includes(value)) return "[circular]";
  if (depth > 6) return "[deep]";
  const inner = (item) => show(item, depth + 1, [...seen, value]);
  if (value instanceof Error) {
    const code = value.code === undefined ? "" : ` ${value.code}`;
    return `${value.name}${code}: ${value.message}`;
  }
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${bytes(new Uint8Array(value))}`;
  if (value instanceof Uint8Array) return `${value.constructor.name} ${bytes(value)}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} [${[...value].map(inner)}]`;
  if (value instanceof Map) return `Map {${[...value].map(([k, v]) => `${inner(k)} => ${inner(v)}`)}}`;
  if (value instanceof Set) return `Set {${[...value].map(inner)}}`;
  if (value instanceof Date) return `Date ${value.getTime()}`;
  if (value instanceof RegExp) return String(value);
  if (value instanceof URL) return `URL ${value.href}`;
  if (Array.isArray(value)) return `[${value.map(inner).join(", ")}]`;
  const keys = Object.keys(value);
  return `{${keys.map((key) => `${key}: ${inner(value[key])}`).join(", ")}}`;
}

function bytes(array) {
  return `<${[...array].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}>`;
}

/** The value, or a word for a promise that stays pending. */
async function settled(value) {
  let timer;
  const pending = new Promise((resolve) => {
    timer = setTimeout(() => resolve("(stays pending)"), 2000);
  });
  try {
    return await Promise.race([value, pending]);
  } finally {
    clearTimeout(timer);
  }
}

/** One block for each expression: its text, and its value or what it threw. */
export async function report(expressions) {
  const lines = [];
  for (const expression of expressions) {
    let result;
    try {
      result = show(await settled(expression()));
    } catch (error) {
      result = `throws ${show(error)}`;
    }
    const text = expression.toString().replace(/\s+/g, " ");
    lines.push(`${text}\n    ${result.slice(0, LIMIT).replaceAll("\n", "\\n")}`);
  }
  return `${lines.join("\n")}\n`;
}
