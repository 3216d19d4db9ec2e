// Small things that no deno_* crate gives: `navigator`, and the lengths of streams.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { SafeWeakMap, TypeError, WeakMapPrototypeGet, WeakMapPrototypeSet } = primordials;

class Navigator {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
  /** That of Workers: by it libraries know what API they are on. */
  get userAgent() {
    return "Cloudflare-Workers";
  }
  get language() {
    return "en";
  }
  get hardwareConcurrency() {
    return 1;
  }
}
const navigator = { __proto__: Navigator.prototype };

/** How many bytes come out of streams of which that is known. */
const lengths = new SafeWeakMap();

/** How many bytes come out of a stream, where that is known beforehand. */
function lengthOf(stream) {
  return WeakMapPrototypeGet(lengths, stream);
}

function setLengthOf(stream, bytes) {
  WeakMapPrototypeSet(lengths, stream, bytes);
}

return { lengthOf, Navigator, navigator, setLengthOf };
})();
