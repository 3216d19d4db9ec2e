// Stands in for the part of deno_net that deno_fetch's HTTP client options ask for: a worker
// has no TLS keys of its own.
(function () {
  "use strict";
  return {
    loadTlsKeyPair() {
      return undefined;
    },
  };
})();
