// What may be asked of deno_web's printer. It prints in Rust, in one piece that nothing interrupts, and a
// worker reaches it past `console`: inspectors are handed it, and `node:util` calls it. Some of its
// options are amounts of memory. So each call of it goes through here: its options are read once, what
// they ask for is bounded, and the value is weighed. Loaded before deno_web's script, which takes these
// functions for the ops. Not here: what `console` prints of a call (`console.js`).
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  MathMin,
  Number,
  NumberIsNaN,
  ObjectHasOwn,
  ReflectApply,
  SafeWeakSet,
  StringPrototypeSlice,
  SymbolFor,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;
const { ops } = core;
const { ELEMENTS, LEGIBLE_CHARACTERS, Scale, standIn, STRING_CHARACTERS } = core.loadExtScript(
  "ext:isolane_bindings/console/weigh.js",
);

/** What one call of `util.inspect` may print, about as many values: who asks for it means it. */
const BUDGET = 20_000;
/** Nested objects are printed so deep where nothing is asked for, */
const DEPTH = 4;
/** and at most. */
const MAX_DEPTH = 100;
/** Objects that a value is in, which the printer may be told of. */
const MAX_SEEN = 256;
/** Elements of an array, a map or a set that can be asked for. */
const MAX_ELEMENTS = 10_000;
/** Blanks before a line. */
const MAX_BLANKS = 256;
/** Quotation marks to choose from. */
const MAX_QUOTES = 3;
/** What a style may add to a piece of text, in characters. */
const STYLE_CHARACTERS = 64;

/** What deno_web marks a style by that leaves text as it is, which is the printer's own, too. */
const styleMark = SymbolFor("Deno.privateConsoleStylize");
const NO_COLOUR = "noColor";

const FLAGS = ["colors", "customInspect", "escapeSequences", "numericSeparator", "showHidden",
  "showProxy", "trailingComma"];
const LENGTHS = [
  ["iterableLimit", MAX_ELEMENTS],
  ["maxArrayLength", MAX_ELEMENTS],
  ["maxStringLength", LEGIBLE_CHARACTERS],
  ["strAbbreviateSize", LEGIBLE_CHARACTERS],
  ["indentationLvl", MAX_BLANKS],
  ["indentLevel", MAX_BLANKS / 2],
];

/** A number of 0 to `most`; what is none is without a limit to the printer. */
function bounded(value, most) {
  const number = value === null ? most : Number(value);
  if (NumberIsNaN(number) || number > most) {
    return most;
  }
  return number > 0 ? number : 0;
}

/** Functions of ours that are around a style of somebody else's. */
const styles = new SafeWeakSet();

/** A style that makes no long text of a short one. */
function boundedStyle(style) {
  if (WeakSetPrototypeHas(styles, style)) {
    return style;
  }
  const around = (text, kind) => {
    const styled = ReflectApply(style, undefined, [text, kind]);
    const isShort = typeof styled === "string" && styled.length <= text.length + STYLE_CHARACTERS;
    return isShort ? styled : text;
  };
  WeakSetPrototypeAdd(styles, around);
  return around;
}

/** Up to three marks of one character each, or nothing. */
function marks(list) {
  const quotes = [];
  for (let i = 0; i < MAX_QUOTES; i++) {
    const mark = list[i];
    if (typeof mark !== "string" || mark.length !== 1) {
      break;
    }
    ArrayPrototypePush(quotes, mark);
  }
  return quotes.length > 0 ? quotes : undefined;
}

/** The first elements of a list that is another's. */
function firstOf(list) {
  const first = [];
  const length = list.length < MAX_SEEN ? list.length : MAX_SEEN;
  for (let i = 0; i < length; i++) {
    ArrayPrototypePush(first, list[i]);
  }
  return first;
}

/**
 * What the options say, each of them read once.
 * @param {unknown} options
 * @returns {object} options that are nobody else's
 */
function settle(options) {
  const settled = { __proto__: null };
  if ((typeof options !== "object" && typeof options !== "function") || options === null) {
    return settled;
  }
  const given = (name) => ObjectHasOwn(options, name) ? options[name] : undefined;
  for (let i = 0; i < FLAGS.length; i++) {
    const flag = given(FLAGS[i]);
    if (flag !== undefined) {
      settled[FLAGS[i]] = !!flag;
    }
  }
  for (let i = 0; i < LENGTHS.length; i++) {
    const { 0: name, 1: most } = LENGTHS[i];
    const length = given(name);
    if (length !== undefined) {
      settled[name] = bounded(length, most);
    }
  }
  if (ObjectHasOwn(options, "depth")) {
    const depth = Number(options.depth ?? MAX_DEPTH);
    settled.depth = depth < MAX_DEPTH ? depth : MAX_DEPTH;
  }
  const breakLength = given("breakLength");
  if (breakLength !== undefined) {
    settled.breakLength = Number(breakLength);
  }
  const compact = given("compact");
  if (compact !== undefined) {
    settled.compact = typeof compact === "number" ? compact : compact === true;
  }
  settleFunctions(settled, given);
  return settled;
}

function settleFunctions(settled, given) {
  const sorted = given("sorted");
  if (sorted !== undefined) {
    settled.sorted = typeof sorted === "function" ? sorted : !!sorted;
  }
  const getters = given("getters");
  if (getters !== undefined) {
    settled.getters = getters === "get" || getters === "set" ? getters : !!getters;
  }
  const quotes = given("quotes");
  if (ArrayIsArray(quotes)) {
    settled.quotes = marks(quotes);
  }
  const seen = given("seen");
  if (ArrayIsArray(seen)) {
    settled.seen = firstOf(seen);
  }
  const stylize = given("stylize");
  if (typeof stylize === "function" && stylize[styleMark] !== NO_COLOUR) {
    settled.stylize = boundedStyle(stylize);
  }
  const inspect = given("inspect");
  if (typeof inspect === "function") {
    settled.inspect = inspect;
  }
  const userOptions = given("userOptions");
  if (typeof userOptions === "object" && userOptions !== null) {
    settled.userOptions = userOptions;
  }
}

/** How much of a value is printed where there is too much of what was asked for. */
function lower(settled) {
  settled.iterableLimit = MathMin(settled.iterableLimit ?? ELEMENTS, ELEMENTS);
  settled.maxArrayLength = MathMin(settled.maxArrayLength ?? ELEMENTS, ELEMENTS);
  settled.maxStringLength = MathMin(settled.maxStringLength ?? STRING_CHARACTERS, STRING_CHARACTERS);
  settled.strAbbreviateSize = settled.maxStringLength;
}

/**
 * Prints a value as deep as there is room for.
 * @param {(value: unknown, settled: object) => string} op
 * @param {unknown} value
 * @param {object} settled the options
 * @param {(settled: object) => Scale} scaleFor what is printed with those
 */
function print(op, value, settled, scaleFor) {
  let scale = scaleFor(settled);
  if (typeof value === "string" && value.length > LEGIBLE_CHARACTERS) {
    const start = op(StringPrototypeSlice(value, 0, scale.characters), settled);
    return `${start}... ${value.length - scale.characters} more characters`;
  }
  const wanted = settled.depth ?? DEPTH;
  let depth = scale.depthFor(value, wanted);
  if (depth < 0 || depth < wanted) {
    lower(settled);
    scale = scaleFor(settled);
    depth = scale.depthFor(value, wanted);
  }
  if (depth < 0) {
    return standIn(value);
  }
  if (depth < wanted) {
    settled.depth = depth;
  }
  return op(value, settled);
}

/** As `Deno.inspect` reads its options: those that have two names by the first of them. */
function scaleForInspect(settled) {
  return new Scale({
    __proto__: null,
    characters: settled.strAbbreviateSize ?? settled.maxStringLength,
    elements: settled.iterableLimit ?? settled.maxArrayLength,
  });
}

/** As `util.inspect` does. */
function scaleForFormat(settled) {
  return new Scale({
    __proto__: null,
    budget: BUDGET,
    characters: settled.maxStringLength,
    elements: settled.maxArrayLength,
    entries: settled.iterableLimit ?? ELEMENTS,
  });
}

const { op_console_format_value, op_console_inspect, op_console_inspect_args } = ops;

ops.op_console_inspect = function (intrinsics, value, options) {
  const op = (value, settled) => op_console_inspect(intrinsics, value, settled);
  return print(op, value, settle(options), scaleForInspect);
};

ops.op_console_format_value = function (intrinsics, context, value, level) {
  const op = (value, settled) => op_console_format_value(intrinsics, settled, value, level);
  return print(op, value, settle(context), scaleForFormat);
};

// Its values have been weighed.
ops.op_console_inspect_args = function (intrinsics, values, options) {
  return op_console_inspect_args(intrinsics, values, settle(options));
};

return {};
})();
