// Bounds on what V8 and the crates do in one piece, which no limit can interrupt: the text of a
// `BigInt`, the patterns of `URLPattern`, URLs and their parameters; and on texts that ops take as a
// `String`, for which deno_core has a buffer on each thread that stays as long as the longest of
// them. What has no bound because it would slow down what everybody does (regular expressions, arrays without end, strings of half a gigabyte) costs its
// shard.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  BigInt: NativeBigInt,
  BigIntAsIntN,
  BigIntAsUintN,
  BigIntPrototype,
  ObjectDefineProperty,
  ObjectHasOwn,
  RangeError,
  ReflectApply,
  StringPrototypeIndexOf,
  SymbolToPrimitive,
  TypeError,
} = primordials;
const { ops } = core;
const { define, like } = core.loadExtScript("ext:isolane_bindings/define.js");

/** Digits of a `BigInt` as text: a million take some 150 ms. */
const DIGITS = 1_000_000;
/** Characters of a pattern, as of a URL. */
const PATTERN_CHARACTERS = 16_384;
/**
 * Characters of a URL, and of what is resolved against one. Where deno_web sees in JavaScript that a URL is
 * as it should be, it has no bound.
 */
const URL_CHARACTERS = 2 << 20;
/** What the ops that parse URLs answer for one that is none. */
const NO_URL = 2;
/** Parameters that a text is parsed into. */
const PARAMETERS = 100_000;
/** Characters of all parameters that become one text. */
const PARAMETERS_CHARACTERS = 64 << 20;
/** No label of an encoding is longer. */
const LABEL_CHARACTERS = 64;
/** URL Pattern Standard, section 1.2. */
const COMPONENTS = ["baseURL", "hash", "hostname", "password", "pathname", "port", "protocol",
  "search", "username"];

function isPrimitive(value) {
  return value === null || typeof value !== "object" && typeof value !== "function";
}

/** ECMA-262, section 7.1.1.1: OrdinaryToPrimitive, of a number. */
function ordinaryPrimitive(object) {
  const { valueOf } = object;
  if (typeof valueOf === "function") {
    const value = ReflectApply(valueOf, object, []);
    if (isPrimitive(value)) {
      return value;
    }
  }
  const { toString } = object;
  const value = typeof toString === "function" ? ReflectApply(toString, object, []) : object;
  if (!isPrimitive(value)) {
    throw new TypeError("Cannot convert object to primitive value");
  }
  return value;
}

/** ECMA-262, section 7.1.1: ToPrimitive, of a number. */
function primitiveOf(value) {
  if (isPrimitive(value)) {
    return value;
  }
  const convert = value[SymbolToPrimitive];
  if (convert === undefined || convert === null) {
    return ordinaryPrimitive(value);
  }
  if (typeof convert !== "function") {
    throw new TypeError("Symbol.toPrimitive is not a function");
  }
  const converted = ReflectApply(convert, value, ["number"]);
  if (!isPrimitive(converted)) {
    throw new TypeError("Cannot convert object to primitive value");
  }
  return converted;
}

/** What a `BigInt` is made of: no text of too many digits, and nothing that could become one. */
function boundedPrimitive(value) {
  const primitive = primitiveOf(value);
  if (typeof primitive === "string" && primitive.length > DIGITS) {
    throw new RangeError("Maximum BigInt size exceeded");
  }
  return primitive;
}

function BigInt(value) {
  if (new.target !== undefined) {
    throw new TypeError("BigInt is not a constructor");
  }
  return NativeBigInt(boundedPrimitive(value));
}

/** The bits of a `BigInt`, by one of the functions that cut it. */
function cut(bare, bits, bigint) {
  if (typeof bigint === "bigint") {
    return bare(bits, bigint);
  }
  const width = +bits;
  // What is no width is an error before the other argument is looked at.
  bare(width, 0n);
  return bare(width, boundedPrimitive(bigint));
}

const cutting = {
  __proto__: null,
  asIntN(bits, bigint) {
    return cut(BigIntAsIntN, bits, bigint);
  },
  asUintN(bits, bigint) {
    return cut(BigIntAsUintN, bits, bigint);
  },
};

ObjectDefineProperty(BigInt, "prototype", {
  __proto__: null,
  value: BigIntPrototype,
  writable: false,
});
ArrayPrototypeForEach(["asIntN", "asUintN"], (name) => {
  define(BigInt, name, like(NativeBigInt[name], cutting[name]));
});
define(BigIntPrototype, "constructor", BigInt);
define(globalThis, "BigInt", BigInt);

function charactersOf(pattern, base) {
  let characters = typeof base === "string" ? base.length : 0;
  if (typeof pattern === "string") {
    return characters + pattern.length;
  }
  ArrayPrototypeForEach(COMPONENTS, (name) => {
    const component = pattern[name];
    characters += typeof component === "string" ? component.length : 0;
  });
  return characters;
}

const parsePattern = ops.op_urlpattern_parse;
ops.op_urlpattern_parse = function (pattern, base, options) {
  if (charactersOf(pattern, base) > PATTERN_CHARACTERS) {
    throw new TypeError(
      `Failed to construct 'URLPattern': the pattern has more than ${PATTERN_CHARACTERS} characters`,
    );
  }
  return parsePattern(pattern, base, options);
};

const processMatch = ops.op_urlpattern_process_match_input;
ops.op_urlpattern_process_match_input = function (input, base, offsets) {
  const isTooLong = typeof base === "string" && base.length > URL_CHARACTERS;
  // As for a base that is no URL: nothing matches.
  return isTooLong ? null : processMatch(input, base, offsets);
};

const { op_url_parse, op_url_parse_with_base, op_url_reparse } = ops;
ops.op_url_parse = function (href, components) {
  return href.length > URL_CHARACTERS ? NO_URL : op_url_parse(href, components);
};
ops.op_url_parse_with_base = function (href, base, components) {
  const isTooLong = href.length + base.length > URL_CHARACTERS;
  return isTooLong ? NO_URL : op_url_parse_with_base(href, base, components);
};
ops.op_url_reparse = function (href, setter, value, components) {
  const isTooLong = href.length + value.length > URL_CHARACTERS;
  return isTooLong ? NO_URL : op_url_reparse(href, setter, value, components);
};

/** Whether a text has more than so many parameters. */
function hasTooMany(text) {
  let at = text.length > PARAMETERS ? StringPrototypeIndexOf(text, "&") : -1;
  for (let count = 1; at !== -1; count++) {
    if (count === PARAMETERS) {
      return true;
    }
    at = StringPrototypeIndexOf(text, "&", at + 1);
  }
  return false;
}

const parseParameters = ops.op_url_parse_search_params;
ops.op_url_parse_search_params = function (text, bytes) {
  if (typeof text === "string" && hasTooMany(text)) {
    throw new RangeError(`There are more than ${PARAMETERS} parameters`);
  }
  // A long text is passed as its bytes, which no buffer keeps.
  return typeof text === "string" && text.length > URL_CHARACTERS
    ? parseParameters(null, core.encode(text))
    : parseParameters(text, bytes);
};

/** What stands in a list, which the code of a worker may have kept from getting its own. */
function own(list, index) {
  if (!ObjectHasOwn(list, index)) {
    throw new TypeError("The parameters are not as they were");
  }
  return list[index];
}

const stringifyParameters = ops.op_url_stringify_search_params;
ops.op_url_stringify_search_params = function (list) {
  let characters = 0;
  for (let i = 0; i < list.length; i++) {
    const pair = own(list, i);
    characters += own(pair, 0).length + own(pair, 1).length;
  }
  if (characters > PARAMETERS_CHARACTERS) {
    throw new RangeError(`The parameters have more than ${PARAMETERS_CHARACTERS} characters`);
  }
  return stringifyParameters(list);
};

const normalizeLabel = ops.op_encoding_normalize_label;
ops.op_encoding_normalize_label = function (label) {
  return normalizeLabel(label.length > LABEL_CHARACTERS ? "(a long text)" : label);
};

const { op_blob_create_object_url, op_blob_from_object_url } = ops;
ops.op_blob_create_object_url = function (type, parts) {
  if (type.length > URL_CHARACTERS) {
    throw new TypeError(`The type of the Blob has more than ${URL_CHARACTERS} characters`);
  }
  return op_blob_create_object_url(type, parts);
};
ops.op_blob_from_object_url = function (url) {
  return url.length > URL_CHARACTERS ? null : op_blob_from_object_url(url);
};

return {};
})();
