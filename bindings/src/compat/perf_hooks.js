// The module `node:perf_hooks`: the clock and the marks of the global `performance`.
(function () {
"use strict";
const { core } = __bootstrap;
const { Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure } = core
  .loadExtScript("ext:deno_web/15_performance.js");
const { notImplemented } = core.loadExtScript("ext:isolane_compat/internal/missing.js");

const exported = {
  constants: {},
  createHistogram: notImplemented("perf_hooks.createHistogram"),
  monitorEventLoopDelay: notImplemented("perf_hooks.monitorEventLoopDelay"),
  Performance,
  performance,
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
  PerformanceObserver: notImplemented("perf_hooks.PerformanceObserver"),
};
return { ...exported, default: exported };
})();
