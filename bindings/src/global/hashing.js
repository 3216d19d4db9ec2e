// Hashing bytes in pieces that take a few milliseconds each: a call into Rust cannot be
// interrupted, the steps between can.
(function () {
"use strict";
const { core, primordials } = __bootstrap;
const { MathMin, TypedArrayPrototypeGetLength } = primordials;
const { partOf } = core.loadExtScript("ext:isolane_bindings/bytes.js");
const { op_compat_hash_digest, op_compat_hash_new, op_compat_hash_update } = core.ops;

/** Bytes that one call hashes at most. */
const PIECE = 1024 * 1024;

/** @param {number} id a digest that was begun */
function update(id, bytes) {
  const length = TypedArrayPrototypeGetLength(bytes);
  for (let start = 0; start < length; start += PIECE) {
    op_compat_hash_update(id, partOf(bytes, start, MathMin(PIECE, length - start)));
  }
}

/** The digest of bytes that are there. */
function digest(name, bytes) {
  const id = op_compat_hash_new(name, null);
  update(id, bytes);
  return op_compat_hash_digest(id);
}

return { digest, update };
})();
