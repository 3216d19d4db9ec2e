// Stands in for the part of deno_net that deno_fetch's HTTP client options ask for.
(function () {
  "use strict";
  return { loadTlsKeyPair() {} };
})();
