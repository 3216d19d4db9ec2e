exports.early = 'early';
const second = require('./second.cjs');
exports.value = `first sees ${second.value}`;
