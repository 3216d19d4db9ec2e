var items = require('./items.json');
var path = './nothing.js';

function byName(name) {
  return items.find(function (item) {
    return item.name === name;
  });
}

module.exports = { items: items, find: byName };
exports.lost = 'this object was replaced';
module.exports.sloppyThis = function () {
  return typeof this.items;
};
Object.defineProperty(module.exports, 'file', { enumerable: false, value: path });
