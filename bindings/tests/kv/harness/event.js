// Counts subrequests, as the running event does.

(function () {
"use strict";
const { Error } = __bootstrap.primordials;
const subrequests = { __proto__: null, charged: 0, limit: Infinity };

function chargeSubrequest() {
  if (subrequests.charged >= subrequests.limit) throw new Error("Too many subrequests.");
  subrequests.charged++;
}

return { chargeSubrequest, subrequests };
})();
