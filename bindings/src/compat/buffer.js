// The module `node:buffer`.
(function () {
"use strict";
const { core } = __bootstrap;
const buffer = core.loadExtScript("ext:isolane_node/internal/buffer.js");
const {
  atob,
  Blob,
  btoa,
  Buffer,
  constants,
  File,
  INSPECT_MAX_BYTES,
  isAscii,
  isUtf8,
  kMaxLength,
  kStringMaxLength,
  resolveObjectURL,
  SlowBuffer,
  transcode,
} = buffer;
return {
  atob,
  Blob,
  btoa,
  Buffer,
  constants,
  default: buffer.default,
  File,
  INSPECT_MAX_BYTES,
  isAscii,
  isUtf8,
  kMaxLength,
  kStringMaxLength,
  resolveObjectURL,
  SlowBuffer,
  transcode,
};
})();
