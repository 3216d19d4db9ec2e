// `Date` and the other ways to ask for the time, by a clock that stands still while code runs
// (`clock.rs`). What other scripts of the runtime know as `Date` is this one, too.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  Date: NativeDate,
  DateParse,
  DatePrototype,
  DatePrototypeToString,
  DateUTC,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectApply,
  ReflectConstruct,
  SafeWeakMap,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
// Not taken out of it: it gets a faster function there when an isolate starts.
const { ops } = core;
const { define } = core.loadExtScript("ext:isolane_bindings/define.js");

function now() {
  return ops.op_clock_wall();
}

function Date(year, _month, _date, _hours, _minutes, _seconds, _ms) {
  if (new.target === undefined) {
    return DatePrototypeToString(new NativeDate(now()));
  }
  const count = arguments.length;
  if (new.target === Date && count < 2) {
    return count === 0 ? new NativeDate(now()) : new NativeDate(year);
  }
  const target = new.target === Date ? NativeDate : new.target;
  return ReflectConstruct(NativeDate, count === 0 ? [now()] : arguments, target);
}

ObjectDefineProperty(Date, "prototype", {
  __proto__: null,
  value: DatePrototype,
  writable: false,
});
define(DatePrototype, "constructor", Date);
define(Date, "now", now);
define(Date, "parse", DateParse);
define(Date, "UTC", DateUTC);
define(globalThis, "Date", Date);
__bootstrap.primordials = { __proto__: primordials, Date, DateNow: now };

// Both format the present time where they get none.
const formats = Intl.DateTimeFormat.prototype;
const nativeFormat = ObjectGetOwnPropertyDescriptor(formats, "format");
const nativeFormatToParts = formats.formatToParts;
const bound = new SafeWeakMap();

function presentOr(date) {
  return date === undefined ? now() : date;
}

ObjectDefineProperty(formats, "format", {
  __proto__: null,
  ...nativeFormat,
  get: ObjectGetOwnPropertyDescriptor({
    get format() {
      const native = ReflectApply(nativeFormat.get, this, []);
      let format = WeakMapPrototypeGet(bound, native);
      if (format === undefined) {
        format = { "": (date) => native(presentOr(date)) }[""];
        WeakMapPrototypeSet(bound, native, format);
      }
      return format;
    },
  }, "format").get,
});
define(formats, "formatToParts", {
  formatToParts(date) {
    return ReflectApply(nativeFormatToParts, this, [presentOr(date)]);
  },
}.formatToParts);

return { now };
})();
