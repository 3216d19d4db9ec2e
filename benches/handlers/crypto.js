// What aws-lc-rs does of Web Crypto beside what deno_crypto does of it, by turns: the same operation
// with a hash or a salt that only the latter has. `isolane dev benches/handlers/crypto.js`, where the
// clock goes on while code runs, and `curl http://localhost:8787`.
const { subtle } = crypto;
const ROUNDS = 5;
const message = new Uint8Array(64);
const publicExponent = new Uint8Array([1, 0, 1]);

/** Milliseconds of one call, the median of rounds. */
function median(times) {
  return times.sort((a, b) => a - b)[times.length >> 1];
}

async function timed(call, times) {
  const start = performance.now();
  for (let i = 0; i < times; i++) await call();
  return (performance.now() - start) / times;
}

async function rsaPairs(modulusLength) {
  const hash = "SHA-256";
  const made = async (name, usages) =>
    subtle.generateKey({ name, hash, modulusLength, publicExponent }, true, usages);
  const pss = await made("RSA-PSS", ["sign", "verify"]);
  const by = (saltLength) => ({ name: "RSA-PSS", saltLength });
  const signatures = await Promise.all([32, 20].map((salt) => subtle.sign(by(salt), pss.privateKey, message)));
  const oaep = await made("RSA-OAEP", ["encrypt", "decrypt"]);
  const { publicKey: other, privateKey: otherPrivate } = await subtle.generateKey(
    { name: "RSA-OAEP", hash: "SHA3-256", modulusLength, publicExponent },
    true,
    ["encrypt", "decrypt"],
  );
  const secrets = await Promise.all([oaep.publicKey, other].map((key) => subtle.encrypt("RSA-OAEP", key, message)));
  const pairs = [
    ["sign", 20, () => subtle.sign(by(32), pss.privateKey, message), () => subtle.sign(by(20), pss.privateKey, message)],
    ["verify", 100, () => subtle.verify(by(32), pss.publicKey, signatures[0], message), () => subtle.verify(by(20), pss.publicKey, signatures[1], message)],
    ["encrypt", 100, () => subtle.encrypt("RSA-OAEP", oaep.publicKey, message), () => subtle.encrypt("RSA-OAEP", other, message)],
    ["decrypt", 20, () => subtle.decrypt("RSA-OAEP", oaep.privateKey, secrets[0]), () => subtle.decrypt("RSA-OAEP", otherPrivate, secrets[1])],
  ];
  return pairs.map(([call, ...rest]) => [`RSA ${modulusLength} ${call}`, ...rest]);
}

async function curvePairs(namedCurve, hash, otherHash) {
  const { privateKey, publicKey } = await subtle.generateKey({ name: "ECDSA", namedCurve }, true, ["sign", "verify"]);
  const by = (hash) => ({ name: "ECDSA", hash });
  const [own, other] = await Promise.all([hash, otherHash].map((hash) => subtle.sign(by(hash), privateKey, message)));
  return [
    [`${namedCurve} sign`, 50, () => subtle.sign(by(hash), privateKey, message), () => subtle.sign(by(otherHash), privateKey, message)],
    [`${namedCurve} verify`, 50, () => subtle.verify(by(hash), publicKey, own, message), () => subtle.verify(by(otherHash), publicKey, other, message)],
  ];
}

/** Keys of a size that aws-lc-rs makes, and of one that it does not. */
function generation(modulusLength) {
  const make = (modulusLength) =>
    subtle.generateKey(
      { name: "RSA-PSS", hash: "SHA-256", modulusLength, publicExponent },
      true,
      ["sign", "verify"],
    );
  return [`RSA ${modulusLength} generate`, 4, () => make(modulusLength), () => make(modulusLength - 8)];
}

export default {
  async fetch() {
    const pairs = [
      ...await rsaPairs(2048),
      ...await rsaPairs(4096),
      ...await curvePairs("P-256", "SHA-256", "SHA-384"),
      ...await curvePairs("P-384", "SHA-384", "SHA-256"),
      ...await curvePairs("P-521", "SHA-512", "SHA-256"),
      generation(2048),
    ];
    let table = "ms of one call           aws-lc-rs  the other  ratio\n";
    for (const [name, times, own, other] of pairs) {
      const [owns, others] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        owns.push(await timed(own, times));
        others.push(await timed(other, Math.max(1, times >> 2)));
      }
      const [a, b] = [median(owns), median(others)];
      table += `${name.padEnd(24)} ${a.toFixed(3).padStart(9)} ${b.toFixed(3).padStart(10)} ${(b / a).toFixed(1).padStart(6)}\n`;
    }
    return new Response(table);
  },
};
