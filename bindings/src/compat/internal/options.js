// Stands in for the options of Node's command line: none is set.
(function () {
"use strict";
return {
  getExecArgvOptionValue: () => undefined,
  getOptionValue: () => undefined,
};
})();
