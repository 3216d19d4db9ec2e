// Bounds on what V8 and the crates do in one piece, which no limit can interrupt: the text of a
// `BigInt` and the patterns of `URLPattern`. What has no bound because it would slow down what
// everybody does (regular expressions, arrays without end, strings of half a gigabyte) costs its
// shard.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  BigInt: NativeBigInt,
  BigIntPrototype,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  RangeError,
  TypeError,
} = primordials;
const { ops } = core;

/** Digits of a `BigInt` as text: a million take some 150 ms. */
const DIGITS = 1_000_000;
/** Characters of a pattern, as of a URL. */
const PATTERN_CHARACTERS = 16_384;
/** URL Pattern Standard, section 1.2. */
const COMPONENTS = ["baseURL", "hash", "hostname", "password", "pathname", "port", "protocol",
  "search", "username"];

function BigInt(value) {
  if (new.target !== undefined) {
    throw new TypeError("BigInt is not a constructor");
  }
  if (typeof value === "string" && value.length > DIGITS) {
    throw new RangeError("Maximum BigInt size exceeded");
  }
  return NativeBigInt(value);
}

const hidden = { __proto__: null, configurable: true, enumerable: false, writable: true };
ObjectDefineProperty(BigInt, "prototype", {
  __proto__: null,
  value: BigIntPrototype,
  writable: false,
});
ArrayPrototypeForEach(["asIntN", "asUintN"], (name) => {
  ObjectDefineProperty(BigInt, name, ObjectGetOwnPropertyDescriptor(NativeBigInt, name));
});
ObjectDefineProperty(BigIntPrototype, "constructor", { ...hidden, __proto__: null, value: BigInt });
ObjectDefineProperty(globalThis, "BigInt", { ...hidden, __proto__: null, value: BigInt });

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

return {};
})();
