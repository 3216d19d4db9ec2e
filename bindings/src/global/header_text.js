// Values of headers may be any text, as on Workers, where they are UTF-8 and not the standard's byte
// strings. In the place of the converters of arguments, before deno_fetch's `Headers` takes those. What
// must be ASCII has rules of its own there: names of headers, methods, status texts.
(function () {
"use strict";
const { core } = __bootstrap;
const { converters, createRecordConverter, createSequenceConverter } = core.loadExtScript(
  "ext:deno_webidl/00_webidl.js",
);

const text = converters.USVString;
converters.ByteString = text;
converters["sequence<ByteString>"] = createSequenceConverter(text);
converters["sequence<sequence<ByteString>>"] = createSequenceConverter(
  converters["sequence<ByteString>"],
);
converters["record<ByteString, ByteString>"] = createRecordConverter(text, text);

return {};
})();
