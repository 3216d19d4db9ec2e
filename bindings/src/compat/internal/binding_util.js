// What the vendored code asks of V8 about objects.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  RegExpPrototypeExec,
  RegExpPrototypeSymbolReplace,
  SafeRegExp,
  StringPrototypeSlice,
  StringPrototypeTrim,
  SymbolFor,
} = primordials;
const { op_node_get_own_non_index_properties } = core.ops;

const LINE = new SafeRegExp(
  /^[ \t]*(?:export[ \t]+)?([\w.-]+)(?:[ \t]*=[ \t]*|:[ \t]+)("(?:\\"|[^"])*"|'(?:\\'|[^'])*'|`(?:\\`|[^`])*`|[^#\r\n]*)?[ \t]*(?:#.*)?$/gm,
);
const LINE_BREAKS = new SafeRegExp(/\\n/g);

/** `util.parseEnv`: the lines `NAME=value` of a .env file. */
function parseEnv(text) {
  const variables = {};
  LINE.lastIndex = 0;
  const found = [];
  let match;
  while ((match = RegExpPrototypeExec(LINE, text)) !== null) {
    ArrayPrototypePush(found, match);
  }
  for (let i = 0; i < found.length; i++) {
    let value = StringPrototypeTrim(found[i][2] ?? "");
    const quote = value[0];
    if (value.length > 1 && (quote === '"' || quote === "'" || quote === "`") &&
      value[value.length - 1] === quote) {
      value = StringPrototypeSlice(value, 1, -1);
      if (quote === '"') {
        value = RegExpPrototypeSymbolReplace(LINE_BREAKS, value, "\n");
      }
    }
    variables[found[i][1]] = value;
  }
  return variables;
}

const exported = {
  ALL_PROPERTIES: 0,
  ONLY_ENUMERABLE: 2,
  getOwnNonIndexProperties: op_node_get_own_non_index_properties,
  parseEnv,
  untransferableSymbol: SymbolFor("nodejs.worker_threads.untransferable"),
};
return { ...exported, default: exported };
})();
