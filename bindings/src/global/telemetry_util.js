// Stands in for the helpers of deno_telemetry; see telemetry.js.
(function () {
  "use strict";
  const { internals } = __bootstrap;
  const nothing = () => {};
  internals.__telemetryUtil = {
    __proto__: null,
    updateSpanFromClientResponse: nothing,
    updateSpanFromError: nothing,
    updateSpanFromRequest: nothing,
    updateSpanFromServerResponse: nothing,
  };
  return internals.__telemetryUtil;
})();
