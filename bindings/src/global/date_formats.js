// Bounds on the names of date formats. V8 keeps a generator of patterns for each name of a locale that it makes
// a format for, with its calendar, numbering system and hour cycle, as long as the process lives. Locales
// without these are few; with them there are hundreds of thousands of names, so those are counted (`intl.rs`).
// Not here: how many there may be.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  ArrayPrototypeJoin,
  ArrayPrototypeSome,
  DatePrototype,
  DatePrototypeGetTime,
  NumberIsNaN,
  Object,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  Proxy,
  ReflectApply,
  ReflectConstruct,
  RegExpPrototypeExec,
  SafeRegExp,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeGetSize,
  SetPrototypeHas,
  StringPrototypeIncludes,
} = primordials;
const { define } = core.loadExtScript("ext:isolane_bindings/define.js");
// Not taken out of it: it gets a faster function there when an isolate starts.
const { ops } = core;
const { DateTimeFormat: NativeFormat, Locale, getCanonicalLocales } = Intl;
const { supportedLocalesOf } = NativeFormat;
const { resolvedOptions } = NativeFormat.prototype;

/** What a locale with keywords has in its name (Unicode Technical Standard 35, section 3.6). */
const KEYWORDS = new SafeRegExp(/-u-/i);
/** No calendar, numbering system or hour cycle that ICU knows has a longer name. */
const VALUE_CHARACTERS = 32;
/** What has been let pass in this isolate is remembered, so far. */
const REMEMBERED = 256;

const passed = new SafeSet();

function reader(name) {
  const { get } = ObjectGetOwnPropertyDescriptor(Locale.prototype, name);
  return (locale) => {
    const value = ReflectApply(get, locale, []);
    return typeof value === "string" && value.length <= VALUE_CHARACTERS ? value : undefined;
  };
}

const baseNameOf = ObjectGetOwnPropertyDescriptor(Locale.prototype, "baseName").get;
const calendarOf = reader("calendar");
const hourCycleOf = reader("hourCycle");
const numberingSystemOf = reader("numberingSystem");

/** Whether a list of locales, or a locale, has none with keywords; without looking into an object. */
function isPlain(locales) {
  return locales === undefined ||
    typeof locales === "string" && RegExpPrototypeExec(KEYWORDS, locales) === null;
}

/** The locale that V8 has for a name without keywords. */
function resolved(name) {
  return ReflectApply(resolvedOptions, new NativeFormat(name), []).locale;
}

/**
 * The name that V8 keeps a generator under, or one that stands for no other.
 * @returns {string | undefined} `undefined` where it is the name of a locale alone
 */
function nameOf(locales, calendar, numberingSystem) {
  const supported = ReflectApply(supportedLocalesOf, NativeFormat, [locales]);
  if (supported.length === 0) {
    const isBare = calendar === undefined && numberingSystem === undefined;
    return isBare ? undefined : `${resolved()}|||${calendar ?? ""}|${numberingSystem ?? ""}`;
  }
  const locale = new Locale(supported[0]);
  const values = [
    calendarOf(locale),
    numberingSystemOf(locale),
    hourCycleOf(locale),
    calendar,
    numberingSystem,
  ];
  if (!ArrayPrototypeSome(values, (value) => value !== undefined)) {
    return undefined;
  }
  return `${resolved(ReflectApply(baseNameOf, locale, []))}|${ArrayPrototypeJoin(values, "|")}`;
}

function bounded(value) {
  return value === undefined || value.length > VALUE_CHARACTERS ? undefined : value;
}

/**
 * Lets a format be made, or throws a `RangeError`.
 * @param {string[] | string | undefined} locales canonical ones, where it is a list
 * @param {string | undefined} calendar what the options name
 * @param {string | undefined} numberingSystem the same
 */
function pass(locales, calendar, numberingSystem) {
  const isList = typeof locales === "object";
  const isBare = calendar === undefined && numberingSystem === undefined;
  if (
    isBare &&
    !(isList && ArrayPrototypeSome(locales, (locale) => StringPrototypeIncludes(locale, "-u-")))
  ) {
    return;
  }
  const asked = [
    isList ? ArrayPrototypeJoin(locales, ",") : locales,
    bounded(calendar),
    bounded(numberingSystem),
  ];
  const key = ArrayPrototypeJoin(asked, "|");
  if (SetPrototypeHas(passed, key)) {
    return;
  }
  const name = nameOf(locales, asked[1], asked[2]);
  if (name !== undefined) {
    ops.op_intl_date_format(name);
  }
  if (SetPrototypeGetSize(passed) < REMEMBERED) {
    SetPrototypeAdd(passed, key);
  }
}

/**
 * Options that read from others, each property when it is read and as often. The calendar and the numbering
 * system are read before all that follows them (ECMA-402, CreateDateTimeFormat), `hour12` first.
 */
function watched(options, locales) {
  const source = Object(options);
  const named = { __proto__: null, calendar: undefined, numberingSystem: undefined };
  return new Proxy({ __proto__: null }, {
    __proto__: null,
    get(_, key) {
      if (key === "calendar" || key === "numberingSystem") {
        const value = source[key];
        named[key] = value === undefined ? undefined : `${value}`;
        return named[key];
      }
      if (key === "hour12") {
        pass(locales, named.calendar, named.numberingSystem);
      }
      return source[key];
    },
  });
}

/** The arguments for V8: where they may name something that is counted, ones that have been read. */
function judged(locales, options) {
  if (options === undefined && isPlain(locales)) {
    return [locales, options];
  }
  const list = isPlain(locales) ? locales : ReflectApply(getCanonicalLocales, Intl, [locales]);
  if (options === undefined) {
    pass(list, undefined, undefined);
    return [list, undefined];
  }
  return [list, options === null ? null : watched(options, list)];
}

function DateTimeFormat(locales = undefined, options = undefined) {
  const args = judged(locales, options);
  if (new.target === undefined) {
    return ReflectApply(NativeFormat, this, args);
  }
  const target = new.target === DateTimeFormat ? NativeFormat : new.target;
  return ReflectConstruct(NativeFormat, args, target);
}

ObjectDefineProperty(DateTimeFormat, "prototype", {
  __proto__: null,
  value: NativeFormat.prototype,
  writable: false,
});
define(DateTimeFormat, "supportedLocalesOf", supportedLocalesOf);
define(NativeFormat.prototype, "constructor", DateTimeFormat);
define(Intl, "DateTimeFormat", DateTimeFormat);

/** Whether V8 gets as far as to look at the arguments. */
function isTime(date) {
  return core.isDate(date) && !NumberIsNaN(DatePrototypeGetTime(date));
}

/** Replaces a function that makes a format and uses it once, where it is. */
function boundFunction(holder, name, readsArguments) {
  const native = holder[name];
  define(holder, name, {
    [name](locales = undefined, options = undefined) {
      return ReflectApply(native, this, readsArguments(this) ? judged(locales, options) : []);
    },
  }[name]);
}

ArrayPrototypeForEach(
  ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"],
  (name) => boundFunction(DatePrototype, name, isTime),
);

/** The same for a class of `Temporal`. */
function boundTemporal(prototype) {
  boundFunction(prototype, "toLocaleString", () => true);
}

return { boundTemporal };
})();
