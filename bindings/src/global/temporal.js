// `Temporal` with a `Now` whose time stands still while code runs. V8 makes the whole of it when it is
// first read, or `Date.prototype.toTemporalInstant` is, which takes a millisecond, and whoever reads one of
// them to change it has it made. So others stand in the place of both, made of V8's classes when a worker first
// reads one; the way to these is a copy of `Date.prototype` that no worker gets (`runtime/src/isolate/copy.rs`).
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

/** `Date.prototype` as V8 has it, in which nothing is made yet. */
let datePrototype;
/** V8's function, once it is made. */
let toTemporalInstant;
/** What stands for V8's `Temporal`, once it is made. */
let Temporal;

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
  toTemporalInstant = datePrototype.toTemporalInstant;
  const epoch = ReflectApply(toTemporalInstant, new Date(0), []);
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

  const made = {};
  tag(made, "Temporal");
  define(made, "Now", Now);
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
    define(made, constructor.name, constructor);
    // Durations are written without the formats of dates.
    if (constructor.name !== "Duration") {
      boundTemporal(constructor.prototype);
    }
  });
  return made;
}

function readTemporal() {
  Temporal ??= makeTemporal();
  return Temporal;
}

/** Whatever the function leads to is bounded by then. */
function readToTemporalInstant() {
  readTemporal();
  return toTemporalInstant;
}

/**
 * Where V8 has it: not yet while the snapshot is made.
 * @param {object} copy what `Date.prototype` is before anything of it is read
 */
function installTemporal(copy) {
  if (ObjectHasOwn(globalThis, "Temporal")) {
    datePrototype = copy;
    op_clock_later(globalThis, "Temporal", readTemporal);
    op_clock_later(DatePrototype, "toTemporalInstant", readToTemporalInstant);
  }
}

return { installTemporal };
})();
