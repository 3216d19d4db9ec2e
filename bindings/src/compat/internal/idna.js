// Hostnames in ASCII and in Unicode: by the parser of `URL` and by punycode.
(function () {
"use strict";
const { core } = __bootstrap;
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const punycode = core.loadExtScript("ext:isolane_node/punycode.js");

/** @returns {string} the host as URLs have it, empty where it is none */
function domainToASCII(domain) {
  try {
    return new URL(`ws://${domain}`).hostname;
  } catch {
    return "";
  }
}

function domainToUnicode(domain) {
  return punycode.toUnicode(domainToASCII(domain));
}

return { domainToASCII, domainToUnicode, toASCII: domainToASCII, ucs2: punycode.ucs2 };
})();
