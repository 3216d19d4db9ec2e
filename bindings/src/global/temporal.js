// `Temporal` with a `Now` whose time stands still while code runs. V8 makes the whole of it when it is
// first read, which takes a millisecond, and whoever reads it to change it has it made. So another
// object stands in its place, made of V8's classes when a worker first reads it; the way to them is
// `Date.prototype.toTemporalInstant`, which V8 makes as late.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  Date,
  DatePrototype,
  ObjectDefineProperty,
  ObjectHasOwn,
  ReflectApply,
  StringPrototypeSlice,
  SymbolToStringTag,
} = primordials;
const { op_clock_later } = core.ops;
const { now } = core.loadExtScript("ext:isolane_bindings/clock.js");
const { boundTemporal } = core.loadExtScript("ext:isolane_bindings/date_formats.js");
const { define } = core.loadExtScript("ext:isolane_bindings/define.js");
const formats = Intl.DateTimeFormat;
const { resolvedOptions } = formats.prototype;

function tag(object, text) {
  ObjectDefineProperty(object, SymbolToStringTag, {
    __proto__: null,
    configurable: true,
    enumerable: false,
    value: text,
    writable: false,
  });
}

function makeTemporal() {
  const epoch = ReflectApply(DatePrototype.toTemporalInstant, new Date(0), []);
  const zoned = epoch.toZonedDateTimeISO("UTC");
  const date = zoned.toPlainDate();
  const Instant = epoch.constructor;
  const { fromEpochMilliseconds } = Instant;
  const { toZonedDateTimeISO } = Instant.prototype;
  const timeZoneId = () => ReflectApply(resolvedOptions, new formats(), []).timeZone;
  const instant = () => ReflectApply(fromEpochMilliseconds, Instant, [now()]);
  const inZone = (zone) =>
    ReflectApply(toZonedDateTimeISO, instant(), [zone === undefined ? timeZoneId() : zone]);

  const Now = {};
  tag(Now, "Temporal.Now");
  define(Now, "timeZoneId", { timeZoneId: () => timeZoneId() }.timeZoneId);
  define(Now, "instant", { instant: () => instant() }.instant);
  ArrayPrototypeForEach(["PlainDateTime", "PlainDate", "PlainTime"], (kind) => {
    const convert = zoned[`to${kind}`];
    const name = `p${StringPrototypeSlice(kind, 1)}ISO`;
    const value = { [name]: (zone = undefined) => ReflectApply(convert, inZone(zone), []) }[name];
    define(Now, name, value);
  });
  define(Now, "zonedDateTimeISO", {
    zonedDateTimeISO: (zone = undefined) => inZone(zone),
  }.zonedDateTimeISO);

  const Temporal = {};
  tag(Temporal, "Temporal");
  define(Temporal, "Now", Now);
  const each = [
    zoned.toPlainDateTime(),
    date,
    zoned.toPlainTime(),
    date.toPlainYearMonth(),
    date.toPlainMonthDay(),
    epoch.since(epoch),
    zoned,
    epoch,
  ];
  ArrayPrototypeForEach(each, ({ constructor }) => {
    define(Temporal, constructor.name, constructor);
    // Durations are written without the formats of dates.
    if (constructor.name !== "Duration") {
      boundTemporal(constructor.prototype);
    }
  });
  return Temporal;
}

/** Where V8 has it: not yet while the snapshot is made. */
function installTemporal() {
  if (ObjectHasOwn(globalThis, "Temporal")) {
    op_clock_later(globalThis, "Temporal", makeTemporal);
  }
}

return { installTemporal };
})();
