// `process.emitWarning`: an event of `process`, and a line on the console.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { Error, ErrorCaptureStackTrace } = primordials;
const { nextTick } = core.loadExtScript("ext:isolane_compat/internal/next_tick.js");
const { validateString } = core.loadExtScript("ext:isolane_node/internal/validators.js");
const { ERR_INVALID_ARG_TYPE } = core.loadExtScript("ext:isolane_node/internal/errors.js");
const console = core.loadExtScript("ext:isolane_compat/internal/console.js");

function emitWarning(warning, type, code, constructor) {
  let detail;
  if (type !== null && typeof type === "object") {
    ({ code, ctor: constructor, detail } = type);
    type = type.type;
  } else if (typeof type === "function") {
    constructor = type;
    code = undefined;
    type = undefined;
  }
  if (type !== undefined) {
    validateString(type, "type");
  }
  if (typeof code === "function") {
    constructor = code;
    code = undefined;
  } else if (code !== undefined) {
    validateString(code, "code");
  }
  if (typeof warning === "string") {
    const error = new Error(warning);
    error.name = type || "Warning";
    if (code !== undefined) {
      error.code = code;
    }
    if (detail !== undefined) {
      error.detail = detail;
    }
    ErrorCaptureStackTrace(error, constructor || emitWarning);
    warning = error;
  } else if (!(warning instanceof Error)) {
    throw new ERR_INVALID_ARG_TYPE("warning", ["Error", "string"], warning);
  }
  const { default: process } = core.loadExtScript("ext:isolane_compat/process.js");
  if (warning.name === "DeprecationWarning" && process.noDeprecation) {
    return;
  }
  nextTick(() => {
    process.emit("warning", warning);
    const name = warning.code === undefined ? warning.name : `[${warning.code}] ${warning.name}`;
    console.warn(`${name}: ${warning.message}${detail === undefined ? "" : `\n${detail}`}`);
  });
}

return { emitWarning };
})();
