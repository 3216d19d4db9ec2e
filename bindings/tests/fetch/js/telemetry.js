// Stands in for deno_telemetry, which deno_fetch asks for: tracing that is always off.
(function () {
  "use strict";
  const { internals } = __bootstrap;
  const nothing = () => {};
  internals.__telemetry = {
    __proto__: null,
    TRACING_ENABLED: false,
    PROPAGATORS: [],
    builtinTracer: nothing,
    ContextManager: { __proto__: null, active: nothing },
    DID_NOT_ENTER: undefined,
    enterSpan: nothing,
    exitSpan: nothing,
  };
  return internals.__telemetry;
})();
