// Waveform records as sensors send them, right and wrong.

/** A map of CBOR (RFC 8949) out of `[key, value]` pairs: numbers go out as doubles or whole, samples as typed arrays (RFC 8746). */
export function cbor(pairs) {
  return Buffer.concat([head(5, pairs.length), ...pairs.flatMap(([key, value]) => [text(key), item(value)])]);
}

function head(major, n) {
  if (n < 24) return Buffer.from([(major << 5) | n]);
  const b = Buffer.alloc(5);
  b[0] = (major << 5) | 26;
  b.writeUInt32BE(n, 1);
  return b;
}

const text = (s) => Buffer.concat([head(3, Buffer.byteLength(s)), Buffer.from(s)]);

function item(v) {
  if (typeof v === 'string') return text(v);
  if (typeof v === 'bigint') {
    const b = Buffer.alloc(9);
    b[0] = 0x1b;
    b.writeBigUInt64BE(v, 1);
    return b;
  }
  if (typeof v === 'number') {
    if (Number.isInteger(v) && v >= 0 && v < 2 ** 32) return head(0, v);
    const b = Buffer.alloc(9);
    b[0] = 0xfb;
    b.writeDoubleBE(v, 1);
    return b;
  }
  if (v instanceof Float32Array || v instanceof Int16Array) {
    const tag = v instanceof Float32Array ? 85 : 77;
    return Buffer.concat([Buffer.from([0xd8, tag]), head(2, v.byteLength), Buffer.from(v.buffer, v.byteOffset, v.byteLength)]);
  }
  return cbor(Object.entries(v));
}

let count = 0;

/** A record as a message: what a good one states, with `changes` to it; `undefined` leaves a field out. */
export function record(data, changes = {}) {
  count += 1;
  const fields = {
    v: 1,
    id: `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`,
    t0_ns: BigInt(Date.now()) * 1_000_000n,
    fs: 25_600,
    n: data.length,
    unit: 'm/s²',
    rpm: { mean: 1500 },
    ...changes,
    data,
  };
  return cbor(Object.entries(fields).filter(([, v]) => v !== undefined));
}

/** A machine that runs well: its shaft at `hz`, a little of its double, and noise; m/s². */
export function running(n = 65_536, { fs = 25_600, hz = 25 } = {}) {
  let state = 1;
  const noise = () => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5) * 0.6;
  return Float32Array.from({ length: n }, (_, i) => {
    const turn = (2 * Math.PI * hz * i) / fs;
    return 0.1 * Math.sin(turn) + 0.05 * Math.sin(2 * turn + 1) + noise() + noise();
  });
}
