// Keys that are none, and what is said of each; keys that are some, in all their forms.
import { curve, message, rsa } from "./vectors.js";

const { subtle } = crypto;
const CURVES = ["P-256", "P-384", "P-521"];
const decode = (text) => Uint8Array.fromBase64(text, { alphabet: "base64url" });
const encode = (bytes) => new Uint8Array(bytes).toBase64({ alphabet: "base64url", omitPadding: true });
const pair = (algorithm, usages) => subtle.generateKey(algorithm, true, usages);
const hash = "SHA-256";
const rs256 = { name: "RSASSA-PKCS1-v1_5", hash };

/** The name of the error, or what came instead. */
async function outcome(promise) {
  try {
    const made = await promise;
    return made instanceof CryptoKey ? `a ${made.type} key` : String(made);
  } catch (error) {
    return error.name;
  }
}

/** Each with a private JSON Web Key, another one, its algorithm and its usage. */
async function privateKeys() {
  const found = [];
  for (const namedCurve of CURVES) {
    for (const [name, usage] of [["ECDSA", "sign"], ["ECDH", "deriveBits"]]) {
      found.push([{ name, namedCurve }, usage]);
    }
  }
  found.push([{ name: "Ed25519" }, "sign"], [{ name: "X25519" }, "deriveBits"]);
  return Promise.all(found.map(async ([algorithm, usage]) => {
    const usages = usage === "sign" ? ["sign", "verify"] : ["deriveBits"];
    const keys = await Promise.all([pair(algorithm, usages), pair(algorithm, usages)]);
    const [key, other] = await Promise.all(keys.map((it) => subtle.exportKey("jwk", it.privateKey)));
    const pkcs8 = new Uint8Array(await subtle.exportKey("pkcs8", keys[0].privateKey));
    return { algorithm, usage, key, other, pkcs8 };
  }));
}

async function wrongPairs() {
  const told = [];
  for (const { algorithm, usage, key, other, pkcs8 } of await privateKeys()) {
    const jwk = (changed) =>
      outcome(subtle.importKey("jwk", { ...key, ...changed }, algorithm, true, [usage]));
    const d = decode(key.d);
    const changes = {
      same: {},
      otherPublic: { x: other.x, y: other.y },
      otherPrivate: { d: other.d },
      tooLong: { d: encode([...d, 1]) },
      tooShort: { d: encode(d.subarray(0, -1)) },
      prefixed: { d: encode([0, ...d]) },
      empty: { d: "" },
      noPublic: { x: undefined },
      shortPublic: { x: encode(decode(key.x).subarray(0, -1)) },
      longPublic: { x: encode([1, ...decode(key.x)]) },
      otherCurve: { crv: "P-192" },
      operationTwice: { key_ops: [usage, usage] },
      otherOperation: { key_ops: ["encrypt"] },
      otherUse: { use: usage === "sign" ? "enc" : "sig" },
      notExtractable: { ext: false },
      otherType: { kty: "oct" },
    };
    for (const [name, changed] of Object.entries(changes)) {
      const result = await jwk(changed);
      const expected = name === "same" ? "a private key" : "DataError";
      if (result !== expected) {
        told.push([algorithm.name, algorithm.namedCurve, name, result]);
      }
    }
    const cut = await outcome(
      subtle.importKey("pkcs8", pkcs8.subarray(0, -1), algorithm, true, [usage]),
    );
    const whole = await outcome(subtle.importKey("pkcs8", pkcs8, algorithm, true, [usage]));
    if (cut !== "DataError" || whole !== "a private key") {
      told.push([algorithm.name, algorithm.namedCurve, "pkcs8", cut, whole]);
    }
  }
  return told;
}

async function wrongPoints() {
  const told = [];
  for (const namedCurve of CURVES) {
    const algorithm = { name: "ECDSA", namedCurve };
    const { publicKey } = await pair(algorithm, ["sign", "verify"]);
    for (const format of ["raw", "spki"]) {
      const bytes = new Uint8Array(await subtle.exportKey(format, publicKey));
      const right = await outcome(subtle.importKey(format, bytes, algorithm, true, ["verify"]));
      bytes[bytes.length - 1] ^= 1;
      const wrong = await outcome(subtle.importKey(format, bytes, algorithm, true, ["verify"]));
      if (right !== "a public key" || wrong !== "DataError") told.push([namedCurve, format, right, wrong]);
    }
    const { x, y } = await subtle.exportKey("jwk", publicKey);
    const swapped = { kty: "EC", crv: namedCurve, x: y, y: x };
    const result = await outcome(subtle.importKey("jwk", swapped, algorithm, true, ["verify"]));
    if (result !== "DataError") told.push([namedCurve, "jwk", result]);
  }
  return told;
}

async function wrongNumbers() {
  const told = [];
  const { publicKey } = await pair(
    { ...rs256, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    ["sign", "verify"],
  );
  const other = await subtle.exportKey("jwk", publicKey);
  const changes = {
    same: [{}, "a private key"],
    n: [{ n: other.n }, "DataError"],
    d: [{ d: rsa.key.dp }, "DataError"],
    p: [{ p: rsa.key.q }, "DataError"],
    swapped: [{ p: rsa.key.q, q: rsa.key.p }, "DataError"],
    dp: [{ dp: rsa.key.dq }, "DataError"],
    dq: [{ dq: rsa.key.dp }, "DataError"],
    qi: [{ qi: rsa.key.dp }, "DataError"],
    e: [{ e: "Aw" }, "DataError"],
    even: [{ e: "Ag" }, "OperationError"],
    huge: [{ e: rsa.key.d }, "OperationError"],
    missing: [{ dp: undefined }, "DataError"],
    otherAlgorithm: [{ alg: "RS512" }, "DataError"],
    algorithm: [{ alg: "RS256" }, "a private key"],
    otherType: [{ kty: "rsa" }, "DataError"],
    otherUse: [{ use: "enc" }, "DataError"],
    notExtractable: [{ ext: false }, "DataError"],
    operationTwice: [{ key_ops: ["sign", "sign"] }, "DataError"],
    otherOperation: [{ key_ops: ["verify"] }, "DataError"],
    // What the call asks for is wrong, too: that is said first.
    usage: [{ d: rsa.key.dp }, "SyntaxError", ["encrypt"]],
  };
  for (const [name, [changed, expected, usages = ["sign"]]] of Object.entries(changes)) {
    const result = await outcome(
      subtle.importKey("jwk", { ...rsa.key, ...changed }, rs256, true, usages),
    );
    if (result !== expected) told.push([name, result]);
  }
  const { n, e } = rsa.key;
  const small = await outcome(subtle.importKey("jwk", { kty: "RSA", n, e }, rs256, true, ["verify"]));
  const enormous = await outcome(subtle.importKey(
    "jwk",
    { kty: "RSA", n: encode(new Uint8Array(1025).fill(255)), e: "AQAB" },
    rs256,
    true,
    ["verify"],
  ));
  told.push(small, enormous);
  return told;
}

async function secrets() {
  const told = [];
  const bytes = new Uint8Array(32);
  for (const [algorithm, alg, usage, use] of [
    [{ name: "HMAC", hash }, "HS256", "sign", "sig"],
    [{ name: "AES-GCM" }, "A256GCM", "encrypt", "enc"],
  ]) {
    const jwk = (changed) =>
      outcome(subtle.importKey(
        "jwk",
        { kty: "oct", k: encode(bytes), alg, ...changed },
        algorithm,
        true,
        [usage],
      ));
    told.push(await jwk({ use, key_ops: [usage], ext: true }));
    for (const changed of [
      { alg: "none" },
      { kty: "EC" },
      { k: undefined },
      { use: use === "sig" ? "enc" : "sig" },
      { key_ops: ["deriveBits"] },
      { key_ops: [usage, usage] },
      { ext: false },
    ]) {
      const result = await jwk(changed);
      if (result !== "DataError") told.push([algorithm.name, changed, result]);
    }
  }
  return told;
}

/** What is wrapped is looked at as what is imported. */
async function wrapped() {
  const aes = { name: "AES-GCM", iv: new Uint8Array(12) };
  const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "unwrapKey",
    "wrapKey",
  ]);
  const es256 = { name: "ECDSA", namedCurve: "P-256" };
  const { privateKey, publicKey } = await pair(es256, ["sign", "verify"]);
  const unwrap = (format, bytes, algorithm, usages) =>
    outcome(subtle.unwrapKey(format, bytes, key, aes, algorithm, true, usages));
  const told = [];
  for (const format of ["pkcs8", "jwk"]) {
    const bytes = await subtle.wrapKey(format, privateKey, key, aes);
    told.push(await unwrap(format, bytes, es256, ["sign"]));
    told.push(await unwrap(format, bytes, { ...es256, namedCurve: "P-384" }, ["sign"]));
  }
  const { x, y } = await subtle.exportKey("jwk", publicKey);
  const text = (value) => new TextEncoder().encode(JSON.stringify(value));
  for (const value of [{ ...curve.key, x, y }, "none", { kty: "EC" }]) {
    told.push(await unwrap("jwk", await subtle.encrypt(aes, key, text(value)), es256, ["sign"]));
  }
  const broken = await subtle.encrypt(aes, key, text("{").subarray(1));
  told.push(await unwrap("jwk", broken, es256, ["sign"]));
  told.push(await unwrap("jwk", broken.slice(1), es256, ["sign"]));

  // By RSA, with a hash that aws-lc-rs has and with one that it has not.
  for (const hash of ["SHA-256", "SHA3-256"]) {
    const oaep = { name: "RSA-OAEP", hash, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
    const by = await pair(oaep, ["wrapKey", "unwrapKey"]);
    const secret = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    const wrapped = await subtle.wrapKey("raw", secret, by.publicKey, "RSA-OAEP");
    const bytes = new Uint8Array(wrapped.slice());
    const unwrapping = subtle.unwrapKey("raw", bytes, by.privateKey, "RSA-OAEP", "AES-GCM", true, ["encrypt"]);
    bytes.fill(0);
    const [before, after] = await Promise.all([secret, await unwrapping].map((it) => subtle.exportKey("raw", it)));
    told.push(encode(before) === encode(after));
    told.push(await outcome(subtle.unwrapKey("raw", bytes, by.privateKey, "RSA-OAEP", "AES-GCM", true, ["encrypt"])));
    told.push(await outcome(subtle.unwrapKey("raw", wrapped, by.publicKey, "RSA-OAEP", "AES-GCM", true, ["encrypt"])));
    told.push(await outcome(subtle.unwrapKey("raw", wrapped, by.privateKey, "RSA-OAEP", es256, true, ["verify"])));
  }
  return told;
}

/** As `jose` does it: keys from JSON Web Keys, tokens from others. */
async function tokens() {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicRsa } = rsa.key;
  const { d: _, ...publicCurve } = curve.key;
  const keyOf = (jwk, algorithm, ...usages) => subtle.importKey("jwk", jwk, algorithm, false, usages);
  const told = {};

  const signing = await keyOf({ ...rsa.key, alg: "RS256", use: "sig" }, rs256, "sign");
  const verifying = await keyOf({ ...publicRsa, alg: "RS256" }, rs256, "verify");
  told.rs256 = encode(await subtle.sign(rs256.name, signing, message)) === rsa.rs256;
  told.rs256Known = await subtle.verify(rs256.name, verifying, decode(rsa.rs256), message);
  told.rs256Other = await subtle.verify(rs256.name, verifying, decode(rsa.rs256), decode("AAAA"));
  told.rs256Short = await subtle.verify(rs256.name, verifying, decode("AAAA"), message);

  const pss = { name: "RSA-PSS", hash };
  const salted = (saltLength) => ({ name: "RSA-PSS", saltLength });
  const pssSigning = await keyOf({ ...rsa.key, alg: "PS256" }, pss, "sign");
  const pssVerifying = await keyOf({ ...publicRsa, alg: "PS256" }, pss, "verify");
  told.ps256Known = await subtle.verify(salted(32), pssVerifying, decode(rsa.ps256), message);
  for (const length of [0, 20, 32]) {
    const signature = await subtle.sign(salted(length), pssSigning, message);
    told[`ps256With${length}`] = [];
    for (const other of [0, 20, 32]) {
      told[`ps256With${length}`].push(await subtle.verify(salted(other), pssVerifying, signature, message));
    }
  }

  const oaep = { name: "RSA-OAEP", hash };
  const encrypting = await keyOf({ ...publicRsa, alg: "RSA-OAEP-256" }, oaep, "encrypt", "wrapKey");
  const decrypting = await keyOf({ ...rsa.key, alg: "RSA-OAEP-256" }, oaep, "decrypt", "unwrapKey");
  const label = new Uint8Array([1, 2, 3]);
  told.oaepKnown = encode(await subtle.decrypt(oaep, decrypting, decode(rsa.oaep))) === encode(message);
  const labelled = await subtle.encrypt({ ...oaep, label }, encrypting, new Uint8Array(0));
  told.oaepLabelled = (await subtle.decrypt({ ...oaep, label }, decrypting, labelled)).byteLength;
  told.oaepWithoutLabel = await outcome(subtle.decrypt(oaep, decrypting, labelled));
  told.oaepTooLong = await outcome(subtle.encrypt(oaep, encrypting, new Uint8Array(191)));

  const es256 = { name: "ECDSA", namedCurve: "P-256" };
  const curveSigning = await keyOf({ ...curve.key, alg: "ES256" }, es256, "sign");
  const curveVerifying = await keyOf({ ...publicCurve, alg: "ES256" }, es256, "verify");
  const by = { name: "ECDSA", hash };
  told.es256Known = await subtle.verify(by, curveVerifying, decode(curve.es256), message);
  told.es256Short = await subtle.verify(by, curveVerifying, decode("AAAA"), message);
  for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
    const signature = await subtle.sign({ ...by, hash }, curveSigning, message);
    told[`ecdsa${hash}`] = [
      signature.byteLength,
      await subtle.verify({ ...by, hash }, curveVerifying, signature, message),
    ];
  }

  // Whoever is not to do it is told so, whichever library would have.
  told.wrongKey = await outcome(subtle.sign(rs256.name, verifying, message));
  told.wrongName = await outcome(subtle.sign(salted(32), signing, message));
  told.noSalt = await outcome(subtle.sign("RSA-PSS", pssSigning, message));
  told.noData = await outcome(subtle.sign(rs256.name, signing));
  told.noBytes = await outcome(subtle.sign(rs256.name, signing, "text"));
  told.usage = await outcome(subtle.decrypt(oaep, await keyOf(rsa.key, oaep, "unwrapKey"), decode(rsa.oaep)));
  return told;
}

/** Every hash with every size, made and used by whichever library has it. */
async function sizes() {
  const told = [];
  for (const [modulusLength, exponent] of [[1024, [1, 0, 1]], [2048, [3]], [2048, [1, 0, 1]]]) {
    const publicExponent = new Uint8Array(exponent);
    for (const name of ["RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP"]) {
      for (const hash of ["SHA-1", "SHA-384"]) {
        const algorithm = { name, hash, modulusLength, publicExponent };
        const use = { name, saltLength: 48 };
        const isSigning = name !== "RSA-OAEP";
        const { privateKey, publicKey } = await pair(algorithm, isSigning ? ["sign", "verify"] : ["encrypt", "decrypt"]);
        const jwk = await subtle.exportKey("jwk", publicKey);
        const right = isSigning
          ? await subtle.verify(use, publicKey, await subtle.sign(use, privateKey, message), message)
          : encode(await subtle.decrypt(use, privateKey, await subtle.encrypt(use, publicKey, message.subarray(0, 8)))) === encode(message.subarray(0, 8));
        const found = [privateKey.algorithm.modulusLength, [...publicKey.algorithm.publicExponent], jwk.e];
        const expected = [modulusLength, exponent, encode(publicExponent)];
        if (!right || JSON.stringify(found) !== JSON.stringify(expected)) told.push([name, hash, right, found]);
      }
    }
  }
  const made = (modulusLength, ...exponent) =>
    outcome(pair({ ...rs256, modulusLength, publicExponent: new Uint8Array(exponent) }, ["sign", "verify"]));
  told.push(await made(2048, 5), await made(2048, 0), await made(2048, ...new Uint8Array(40).fill(255)));
  told.push(await made(1001, 1, 0, 1), await made(8192, 1, 0, 1));
  return told;
}

/** Both sides of an agreement have the same, by whichever library. */
async function agreements() {
  const told = [];
  for (const namedCurve of CURVES) {
    const algorithm = { name: "ECDH", namedCurve };
    const [one, other] = await Promise.all([1, 2].map(() => pair(algorithm, ["deriveBits", "deriveKey"])));
    const bits = async (key, publicKey, length) =>
      encode(await subtle.deriveBits({ name: "ECDH", public: publicKey }, key, length));
    // An odd number of bits is deno_crypto's, and so is a key.
    for (const length of [null, 8, 128, 256, 9]) {
      const pairs = [[one.privateKey, other.publicKey], [other.privateKey, one.publicKey]];
      const [a, b] = await Promise.all(pairs.map(([key, publicKey]) => bits(key, publicKey, length)));
      const bytes = decode(a).length;
      const expected = length === null ? { "P-256": 32, "P-384": 48, "P-521": 66 }[namedCurve] : Math.ceil(length / 8);
      if (a !== b || bytes !== expected) told.push([namedCurve, length, a, b]);
    }
    const hmac = { name: "HMAC", hash, length: 256 };
    const derived = await subtle.deriveKey({ name: "ECDH", public: other.publicKey }, one.privateKey, hmac, true, ["sign"]);
    const raw = encode(await subtle.exportKey("raw", derived));
    if (raw !== await bits(one.privateKey, other.publicKey, 256)) told.push([namedCurve, "key"]);
    told.push(await outcome(bits(one.privateKey, other.publicKey, 1024)));
    told.push(await outcome(bits(one.privateKey, other.privateKey, 128)));
    told.push(await outcome(bits(one.publicKey, other.publicKey, 128)));
  }
  const keys = await Promise.all(CURVES.map((namedCurve) => pair({ name: "ECDH", namedCurve }, ["deriveBits"])));
  const mixed = { name: "ECDH", public: keys[0].publicKey };
  told.push(await outcome(subtle.deriveBits(mixed, keys[1].privateKey, 128)));
  return told;
}

/** What is signed is what was there when it was asked for. */
async function bytesOfTheCall() {
  const key = await subtle.importKey("jwk", rsa.key, rs256, false, ["sign"]);
  const bytes = message.slice();
  const signatures = Array.from({ length: 20 }, () => subtle.sign(rs256.name, key, bytes));
  bytes.fill(0);
  const encoded = (await Promise.all(signatures)).map(encode);
  return encoded.every((signature) => signature === rsa.rs256);
}

export const groups = {
  agreements, bytesOfTheCall, secrets, sizes, tokens, wrapped, wrongNumbers, wrongPairs, wrongPoints,
};
