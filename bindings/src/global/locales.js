// What a locale says of its region and of its language, asked of ICU by the name of a locale that it has. ICU
// keeps an entry for each name that it is ever asked for, as long as the process lives, and with variants and
// languages that nobody speaks a worker makes as many names as it likes. Not here: formats, collators and their like,
// which look for the nearest locale that there is themselves.
(function () {
"use strict";
const { primordials } = __bootstrap;
const {
  ArrayPrototypeForEach,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectApply,
  RegExpPrototypeExec,
  SafeRegExp,
  StringPrototypeToUpperCase,
} = primordials;
const { Locale, NumberFormat } = Intl;
const { supportedLocalesOf } = NumberFormat;
const { resolvedOptions } = NumberFormat.prototype;
const { maximize, toString } = Locale.prototype;

/** What stands for a language that there is nothing about: no language (ISO 639). */
const NO_LANGUAGE = "zxx";
/** The region of a language that nobody is known to speak: the world. */
const NO_REGION = "001";
/** Keywords of a name (Unicode Technical Standard 35, 3.6.1): the region whose customs are followed, ... */
const FOLLOWED = new SafeRegExp(/^(?:(?!-x-).)*?-u(?:-[a-z0-9]+)*?-rg-([a-z]{2}|[0-9]{3})[a-z0-9]/);
/** ... and the day that weeks begin with. */
const FIRST_DAY = new SafeRegExp(/^(?:(?!-x-).)*?-u(?:-[a-z0-9]+)*?-fw-([a-z0-9]{3,8})/);

/** @returns {(locale: Intl.Locale) => string | undefined} what reads a property, as V8 has it */
function reader(name) {
  const { get } = ObjectGetOwnPropertyDescriptor(Locale.prototype, name);
  return (locale) => ReflectApply(get, locale, []);
}

const baseNameOf = reader("baseName");
const calendarOf = reader("calendar");
const collationOf = reader("collation");
const hourCycleOf = reader("hourCycle");
const languageOf = reader("language");
const numberingSystemOf = reader("numberingSystem");
const regionOf = reader("region");
const scriptOf = reader("script");

/** What a keyword of a locale says, if it has it. */
function keyword(pattern, locale) {
  return RegExpPrototypeExec(pattern, ReflectApply(toString, locale, []))?.[1];
}

/** The region or the script of a locale, or the one that is likely where it names none. */
function likely(partOf, locale) {
  return partOf(locale) ?? partOf(ReflectApply(maximize, locale, []));
}

/** The name of a locale without a script that goes without saying. */
function shortNameOf(locale) {
  const language = languageOf(locale) ?? "und";
  const region = regionOf(locale);
  const name = region === undefined ? language : `${language}-${region}`;
  const script = scriptOf(locale);
  const goesWithoutSaying = script === undefined || script === likely(scriptOf, new Locale(name));
  return goesWithoutSaying ? name : baseNameOf(locale);
}

/** The name of the nearest locale that ICU has. */
function nearest(locale) {
  const asked = shortNameOf(locale);
  if (ReflectApply(supportedLocalesOf, NumberFormat, [asked]).length === 0) {
    return NO_LANGUAGE;
  }
  return ReflectApply(resolvedOptions, new NumberFormat(asked), []).locale;
}

/** The region whose customs a locale has. */
function customsOf(locale) {
  const followed = keyword(FOLLOWED, locale);
  return followed === undefined
    ? likely(regionOf, locale) ?? NO_REGION
    : StringPrototypeToUpperCase(followed);
}

/** The nearest locale, or no language where that one is of another region. */
function nearestOfRegion(locale) {
  const name = nearest(locale);
  const region = customsOf(locale);
  const isThere = name !== NO_LANGUAGE && likely(regionOf, new Locale(name)) === region;
  return isThere ? name : `${NO_LANGUAGE}-${region}`;
}

function noLanguageOfRegion(locale) {
  return `${NO_LANGUAGE}-${customsOf(locale)}`;
}

/** A locale that has the weeks of the given one. */
function ofSameWeeks(locale) {
  const name = noLanguageOfRegion(locale);
  const day = keyword(FIRST_DAY, locale);
  return new Locale(day === undefined ? name : `${name}-u-fw-${day}`, {
    __proto__: null,
    calendar: calendarOf(locale),
  });
}

/**
 * A function that makes a locale which answers as the given one does: that itself where it has the
 * answer in its name, which V8 gives without ICU.
 */
function unlessNamed(keywordOf, nameFor) {
  return (locale) => keywordOf(locale) === undefined ? new Locale(nameFor(locale)) : locale;
}

/** Has a function of `Intl.Locale.prototype`, if there is one, ask another locale. */
function redirect(name, other) {
  const property = ObjectGetOwnPropertyDescriptor(Locale.prototype, name);
  if (property === undefined) {
    return;
  }
  const role = property.get === undefined ? "value" : "get";
  const native = property[role];
  const { redirected } = {
    redirected() {
      return ReflectApply(native, other(this), []);
    },
  };
  ObjectDefineProperty(redirected, "name", { __proto__: null, value: native.name });
  ObjectDefineProperty(Locale.prototype, name, { __proto__: null, ...property, [role]: redirected });
}

const calendars = unlessNamed(calendarOf, noLanguageOfRegion);
const collations = unlessNamed(collationOf, nearest);
const hourCycles = unlessNamed(hourCycleOf, nearestOfRegion);
const numberingSystems = unlessNamed(numberingSystemOf, nearest);

// Functions, and the properties that they once were.
ArrayPrototypeForEach([
  ["getCalendars", calendars],
  ["getCollations", collations],
  ["getHourCycles", hourCycles],
  ["getNumberingSystems", numberingSystems],
  ["getWeekInfo", ofSameWeeks],
  ["calendars", calendars],
  ["collations", collations],
  ["hourCycles", hourCycles],
  ["numberingSystems", numberingSystems],
  ["weekInfo", ofSameWeeks],
], ({ 0: name, 1: other }) => redirect(name, other));

return {};
})();
