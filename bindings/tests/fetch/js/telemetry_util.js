// Stands in for deno_telemetry's helpers.
(function () {
  "use strict";
  const { internals } = __bootstrap;
  const nothing = () => {};
  internals.__telemetryUtil = {
    __proto__: null,
    updateSpanFromClientResponse: nothing,
    updateSpanFromError: nothing,
    updateSpanFromRequest: nothing,
  };
  return internals.__telemetryUtil;
})();
