// The worker's variables and secrets as its configuration has them: what `process.env` shows.
// `env`, which a tenant may change, is another object.
(function () {
"use strict";
const { primordials } = __bootstrap;
const { ObjectAssign } = primordials;

const variables = { __proto__: null };

function setVariables(given) {
  ObjectAssign(variables, given);
}

return { setVariables, variables };
})();
