// Each algorithm of Web Crypto with each of its operations, in a small and in a large form.
const subtle = crypto.subtle;
const zeros = (length) => new Uint8Array(length);
const SIZES = [16, 4 << 20];

const DIGESTS = ["SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512"];
const XOFS = ["cSHAKE128", "cSHAKE256", "TurboSHAKE128", "TurboSHAKE256", "KT128", "KT256",
  "KangarooTwelve"];
const SLH = ["SHA2-128s", "SHA2-128f", "SHA2-192s", "SHA2-192f", "SHA2-256s", "SHA2-256f",
  "SHAKE-128s", "SHAKE-128f", "SHAKE-192s", "SHAKE-192f", "SHAKE-256s", "SHAKE-256f"];
const CURVES = ["P-256", "P-384", "P-521"];

async function digests() {
  for (const size of SIZES) {
    for (const name of DIGESTS) await subtle.digest(name, zeros(size));
    for (const name of XOFS) {
      await subtle.digest({ name, outputLength: 256 }, zeros(size));
      await subtle.digest({ name, outputLength: 8 << 20 }, zeros(1));
    }
    for (const name of ["cSHAKE128", "KT128", "KT256"]) {
      await subtle.digest({ name, outputLength: 256, customization: zeros(size) }, zeros(1));
    }
  }
}

async function ciphers() {
  const iv = zeros(16);
  for (const [name, parameters] of [
    ["AES-CBC", { iv }],
    ["AES-CTR", { counter: iv, length: 64 }],
    ["AES-GCM", { iv }],
    ["AES-OCB", { iv: zeros(12) }],
    ["ChaCha20-Poly1305", { iv: zeros(12) }],
  ]) {
    for (const length of name === "ChaCha20-Poly1305" ? [256] : [128, 256]) {
      const usages = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
      const key = await subtle.generateKey({ name, length }, true, usages);
      const algorithm = { name, ...parameters };
      for (const size of SIZES) {
        await subtle.decrypt(algorithm, key, await subtle.encrypt(algorithm, key, zeros(size)));
      }
      await subtle.exportKey("raw-secret", key);
    }
  }
}

async function wrapping() {
  const wrapping = await subtle.generateKey({ name: "AES-KW", length: 256 }, true, ["wrapKey", "unwrapKey"]);
  const aes = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["wrapKey", "unwrapKey"]);
  for (const size of [16, 4 << 20]) {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await subtle.importKey("raw", zeros(size), hmac, true, ["sign"]);
    for (const [by, algorithm] of [[wrapping, "AES-KW"], [aes, { name: "AES-GCM", iv: zeros(12) }]]) {
      const wrapped = await subtle.wrapKey("raw", key, by, algorithm);
      await subtle.unwrapKey("raw", wrapped, by, algorithm, hmac, true, ["sign"]);
      await subtle.wrapKey("jwk", key, by, algorithm);
    }
    await subtle.exportKey("jwk", key);
    await subtle.exportKey("raw", key);
  }
}

async function macs() {
  for (const size of SIZES) {
    for (const hash of DIGESTS) {
      const key = await subtle.generateKey({ name: "HMAC", hash }, false, ["sign", "verify"]);
      await subtle.verify("HMAC", key, await subtle.sign("HMAC", key, zeros(size)), zeros(size));
    }
    for (const name of ["KMAC128", "KMAC256"]) {
      const key = await subtle.generateKey({ name, length: 256 }, false, ["sign", "verify"]);
      const algorithm = { name, outputLength: 256 };
      await subtle.verify(algorithm, key, await subtle.sign(algorithm, key, zeros(size)), zeros(size));
      await subtle.sign({ name, outputLength: 8 << 20, customization: zeros(size) }, key, zeros(1));
    }
    const raw = await subtle.importKey("raw", zeros(size), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    await subtle.sign("HMAC", raw, zeros(1));
  }
}

async function pair(algorithm, usages, signing, formats) {
  const keys = await subtle.generateKey(algorithm, true, usages);
  for (const format of formats) {
    await subtle.exportKey(format, format === "pkcs8" ? keys.privateKey : keys.publicKey);
  }
  await subtle.exportKey("jwk", keys.privateKey).catch(() => {});
  await subtle.getPublicKey?.(keys.privateKey, usages.filter((it) => it === "verify"));
  if (signing) {
    const signature = await subtle.sign(signing, keys.privateKey, zeros(16));
    if (!await subtle.verify(signing, keys.publicKey, signature, zeros(16))) {
      throw new Error("a signature that is not one");
    }
    await subtle.sign(signing, keys.privateKey, zeros(2 << 20));
  }
  return keys;
}

async function rsa() {
  const publicExponent = new Uint8Array([1, 0, 1]);
  for (const modulusLength of [1024, 2048, 4096]) {
    const algorithm = { modulusLength, publicExponent, hash: "SHA-256" };
    const formats = ["spki", "pkcs8"];
    await pair({ ...algorithm, name: "RSASSA-PKCS1-v1_5" }, ["sign", "verify"], "RSASSA-PKCS1-v1_5", formats);
    if (modulusLength > 2048) continue;
    // With the one salt by aws-lc-rs, with the other by deno_crypto.
    for (const saltLength of [32, 20]) {
      await pair({ ...algorithm, name: "RSA-PSS" }, ["sign", "verify"], { name: "RSA-PSS", saltLength }, formats);
    }
    const { publicKey, privateKey } = await pair({ ...algorithm, name: "RSA-OAEP" }, ["encrypt", "decrypt"], null, formats);
    await subtle.decrypt("RSA-OAEP", privateKey, await subtle.encrypt("RSA-OAEP", publicKey, zeros(16)));
    await subtle.encrypt({ name: "RSA-OAEP", label: zeros(4 << 20) }, publicKey, zeros(16));
  }
}

async function curves() {
  for (const namedCurve of CURVES) {
    for (const hash of ["SHA-256", "SHA-384", "SHA-512"]) {
      await pair({ name: "ECDSA", namedCurve }, ["sign", "verify"], { name: "ECDSA", hash }, ["spki", "pkcs8"]);
    }
    await agree({ name: "ECDH", namedCurve });
  }
  await pair("Ed25519", ["sign", "verify"], "Ed25519", ["spki", "pkcs8"]);
  await agree("X25519");
  await agree("X448");
}

async function agree(algorithm) {
  const name = algorithm.name ?? algorithm;
  const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, ["deriveBits", "deriveKey"]);
  await subtle.deriveBits({ name, public: publicKey }, privateKey, 128);
  await subtle.deriveKey({ name, public: publicKey }, privateKey, { name: "AES-GCM", length: 128 }, true, ["encrypt"]);
}

async function derivations() {
  for (const name of ["PBKDF2", "HKDF"]) {
    const usages = ["deriveBits", "deriveKey"];
    const key = await subtle.importKey("raw", zeros(16), name, false, usages);
    const aes = { name: "AES-GCM", length: 256 };
    for (const hash of DIGESTS.slice(0, 4)) {
      const base = { name, hash, salt: zeros(16), info: zeros(16), iterations: 50_000 };
      await subtle.deriveBits(base, key, 256);
      await subtle.deriveKey(base, key, aes, true, ["encrypt"]);
      await subtle.deriveBits({ ...base, iterations: 1 }, key, 255 * 160);
      await subtle.deriveBits({ ...base, iterations: 1, salt: zeros(4 << 20) }, key, 256);
      await subtle.deriveBits({ ...base, iterations: 1, salt: zeros(64 << 10), info: zeros(1 << 20) }, key, 100 * 160);
    }
  }
}

async function lattices() {
  for (const name of ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]) {
    await pair(name, ["sign", "verify"], name, []);
  }
  for (const name of ["ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"]) {
    const usages = ["encapsulateBits", "encapsulateKey", "decapsulateBits", "decapsulateKey"];
    const { publicKey, privateKey } = await subtle.generateKey(name, true, usages);
    const { ciphertext } = await subtle.encapsulateBits(name, publicKey);
    await subtle.decapsulateBits(name, privateKey, ciphertext);
    const aes = { name: "AES-GCM", length: 256 };
    const made = await subtle.encapsulateKey(name, publicKey, aes, true, ["encrypt"]);
    await subtle.decapsulateKey(name, privateKey, made.ciphertext, aes, true, ["encrypt"]);
  }
}

async function hashes() {
  for (const variant of SLH) {
    const name = `SLH-DSA-${variant}`;
    const { publicKey, privateKey } = await subtle.generateKey(name, true, ["sign", "verify"]);
    // Those are too slow.
    if (variant.startsWith("SHAKE") && variant.endsWith("s")) continue;
    const signature = await subtle.sign(name, privateKey, zeros(16));
    await subtle.verify(name, publicKey, signature, zeros(16));
  }
}

export const groups = {
  digests, ciphers, wrapping, macs, rsa, curves, derivations, lattices, hashes,
};
