const first = require('./first.cjs');
exports.value = `second saw ${first.early} and ${typeof first.value}`;
