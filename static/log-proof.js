// The checks of ledger/checking.py once more, for the browser: proofs, packages, checkpoints,
// promises and bundles of the log. Same reason codes, same order of looking; no page, no network.
// Sources: C2SP tlog-proof, signed-note, tlog-checkpoint; RFC 9162 section 2.1.

export const MAX_PROOF_BYTES = 131072;
const MAX_PACKAGE_BYTES = 1048576;
const MAX_ENTRY_BYTES = 65535;
const MAX_HASHES = 63;
const MAX_EXTRA_BYTES = 4096;
const MAX_SIZE = 2n ** 63n - 1n;
const PROOF_LINE = "c2sp.org/tlog-proof@v1";
const BUNDLE_LINE = "compute-voucher-log-bundle 1\n";
const PART = 2000; // entries of a bundle hashed between two breaths of the page

export class NotProven extends Error {
  constructor(code, values = {}) {
    super(code);
    this.code = code;
    this.values = values;
  }
}

const fail = (code, values) => {
  throw new NotProven(code, values);
};

// ---------------------------------------------------------------- bytes and texts
const encoder = new TextEncoder();

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

const same = (one, two) => one.length === two.length && one.every((byte, at) => byte === two[at]);
export const hex = (bytes) => [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
const startsWith = (bytes, start) => same(bytes.subarray(0, start.length), start);

export function readText(bytes, limit = MAX_PROOF_BYTES) {
  if (bytes.length > limit) fail("too_large", { limit });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail("malformed.text");
  }
}

export function fromBase64(text) {
  let raw;
  try {
    raw = atob(text);
  } catch {
    return null;
  }
  return btoa(raw) === text ? Uint8Array.from(raw, (each) => each.charCodeAt(0)) : null;
}

// A plain decimal number below 2**63; sizes are counted in BigInt so that none is rounded.
export function readNumber(text) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) return null;
  const number = BigInt(text);
  return number <= MAX_SIZE ? number : null;
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const leafHash = (entry) => sha256(joined(Uint8Array.of(0), entry));
const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

// ---------------------------------------------------------------- signed notes
// What Python's str.isprintable refuses, blanks apart: controls, formats, other separators.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const goodName = (name) => name !== "" && !name.includes("+") && !/\s/u.test(name) && !UNPRINTABLE.test(name);

// A verification key of whatever algorithm, or null when the line is none.
async function keyLine(line) {
  const [name, id, ...rest] = line.split("+");
  const raw = fromBase64(rest.join("+"));
  if (!goodName(name) || !raw || raw.length < 2) return null;
  const digest = await sha256(joined(encoder.encode(`${name}\n`), raw));
  return hex(digest.subarray(0, 4)) === id ? { name, id, raw, text: line } : null;
}

// A key that signatures can be checked with here: Ed25519.
export async function readKey(line) {
  const key = await keyLine(line);
  return key && key.raw[0] === 1 && key.raw.length === 33 ? { ...key, raw: key.raw.subarray(1) } : null;
}

function splitNote(note, limit) {
  if ([...note].length > limit || !note.endsWith("\n")) return null;
  if (UNPRINTABLE.test(note.replaceAll("\n", ""))) return null;
  const gap = note.lastIndexOf("\n\n");
  if (gap < 1 || gap + 2 >= note.length) return null;
  const lines = [];
  for (const line of note.slice(gap + 2, -1).split("\n")) {
    if (!line.startsWith("— ")) return null;
    const rest = line.slice(2);
    const blank = rest.indexOf(" ");
    const name = blank < 0 ? rest : rest.slice(0, blank);
    const blob = fromBase64(blank < 0 ? "" : rest.slice(blank + 1));
    if (!goodName(name) || !blob || blob.length <= 4) return null;
    lines.push({ name, blob });
  }
  return { text: note.slice(0, gap + 1), lines };
}

async function signatureHolds(key, text, signature) {
  if (signature.length !== 64) return false;
  try {
    const known = await crypto.subtle.importKey("raw", key.raw, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", known, signature, encoder.encode(text));
  } catch {
    return false;
  }
}

async function openSigned(note, trust) {
  const found = splitNote(note, trust.noteLimit) ?? fail("malformed.note");
  const held = [];
  for (const { name, blob } of found.lines) {
    const id = hex(blob.subarray(0, 4));
    const key = trust.keys.find((each) => each.name === name && each.id === id);
    if (!key) continue;
    if (held.includes(key)) fail("malformed.note");
    if (!(await signatureHolds(key, found.text, blob.subarray(4)))) fail("bad_signature", { key: id });
    held.push(key);
  }
  if (!held.length) fail("wrong_key");
  return { text: found.text, keys: held, unknown: found.lines.length - held.length };
}

function tell(signed, trail) {
  for (const key of signed.keys) trail.push({ code: "signature", values: { key: key.id } });
  if (signed.unknown) trail.push({ code: "unknown_lines", values: { count: signed.unknown } });
}

export async function openCheckpoint(note, trust, trail = []) {
  const signed = await openSigned(note, trust);
  const lines = signed.text.split("\n");
  const size = readNumber(lines[1] ?? "");
  const root = fromBase64(lines[2] ?? "");
  if (lines.length !== 4 || lines[3] || size === null || !root || root.length !== 32) fail("malformed.head");
  const origin = lines[0];
  if (signed.keys.every((key) => key.name !== origin)) fail("wrong_origin", { origin });
  tell(signed, trail);
  return { origin, size, root, key: signed.keys[0] };
}

// ---------------------------------------------------------------- entries
const ENVELOPE = ["actor", "at", "auth", "body", "id", "links", "log", "pii", "type", "v"];

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  if (typeof value === "number") throw new RangeError("a number");
  if (typeof value === "string" && !value.isWellFormed()) throw new RangeError("half a pair");
  return JSON.stringify(value);
}

// Return the entry, or null when the bytes are not one in its only form.
export function readEntry(bytes) {
  if (bytes.length > MAX_ENTRY_BYTES) return null;
  try {
    const text = readText(bytes, MAX_ENTRY_BYTES);
    const value = JSON.parse(text);
    const keys = value && typeof value === "object" && !Array.isArray(value) ? Object.keys(value).sort() : [];
    return keys.join() === ENVELOPE.join() && canonical(value) === text ? value : null;
  } catch {
    return null;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// ---------------------------------------------------------------- proofs
export function readProof(bytes) {
  const text = readText(bytes);
  const gap = text.indexOf("\n\n");
  const lines = (gap < 0 ? text : text.slice(0, gap)).split("\n");
  if (lines[0] !== PROOF_LINE) fail("malformed.first_line");
  const hasExtra = lines.length > 1 && lines[1].startsWith("extra ");
  if (hasExtra) {
    const extra = fromBase64(lines.splice(1, 1)[0].slice(6));
    if (!extra || !extra.length || extra.length > MAX_EXTRA_BYTES) fail("malformed.extra");
  }
  const index = lines[1]?.startsWith("index ") ? readNumber(lines[1].slice(6)) : null;
  if (index === null) fail("malformed.index");
  const first = hasExtra ? 4 : 3;
  if (lines.length - 2 > MAX_HASHES) fail("malformed.hash", { line: first + MAX_HASHES });
  const hashes = lines.slice(2).map((line, at) => {
    const hash = fromBase64(line);
    return hash?.length === 32 ? hash : fail("malformed.hash", { line: first + at });
  });
  const checkpoint = gap < 0 ? "" : text.slice(gap + 2);
  if (!checkpoint) fail("malformed.gap");
  return { index, hashes, checkpoint };
}

async function rootOf(index, size, leaf, hashes) {
  let here = index;
  let last = size - 1n;
  let root = leaf;
  for (const hash of hashes) {
    if (last === 0n) fail("wrong_path");
    if (here & 1n || here === last) {
      root = await nodeHash(hash, root);
      while (!(here & 1n) && here) {
        here >>= 1n;
        last >>= 1n;
      }
    } else root = await nodeHash(root, hash);
    here >>= 1n;
    last >>= 1n;
  }
  return last ? fail("wrong_path") : root;
}

async function verifyProof(proof, entry, trust, trail) {
  const head = await openCheckpoint(proof.checkpoint, trust, trail);
  if (proof.index >= head.size) fail("index_beyond_log", { index: proof.index, size: head.size });
  const leaf = await leafHash(entry);
  trail.push({ code: "leaf", values: { leaf: hex(leaf) } });
  const root = await rootOf(proof.index, head.size, leaf, proof.hashes);
  if (!same(root, head.root)) fail(readEntry(entry)?.log === head.origin ? "wrong_root" : "entry_differs");
  trail.push({ code: "path", values: { count: proof.hashes.length, root: hex(root) } });
  return { index: proof.index, head, leaf };
}

export async function growthHolds(old, latest, hashes) {
  if (old.size === 0n) return true;
  if (old.size > latest.size) return false;
  if (old.size === latest.size) return !hashes.length && same(old.root, latest.root);
  const path = (old.size & (old.size - 1n)) === 0n ? [old.root, ...hashes] : [...hashes];
  if (!path.length) return false;
  let here = old.size - 1n;
  let last = latest.size - 1n;
  while (here & 1n) {
    here >>= 1n;
    last >>= 1n;
  }
  let before = path[0];
  let after = path[0];
  for (const hash of path.slice(1)) {
    if (last === 0n) return false;
    if (here & 1n || here === last) {
      before = await nodeHash(hash, before);
      after = await nodeHash(hash, after);
      while (!(here & 1n) && here) {
        here >>= 1n;
        last >>= 1n;
      }
    } else after = await nodeHash(after, hash);
    here >>= 1n;
    last >>= 1n;
  }
  return last === 0n && same(before, old.root) && same(after, latest.root);
}

// ---------------------------------------------------------------- evidence packages
const CRC = Uint32Array.from({ length: 256 }, (_, each) => {
  let value = each;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

// Little-endian numbers, each given as [value, bytes].
function numbers(...fields) {
  return Uint8Array.from(fields.flatMap(([value, size]) =>
    Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** at) % 256)));
}

function pack(files) {
  const body = [];
  const directory = [];
  let place = 0;
  for (const [name, content] of files) {
    const title = encoder.encode(name);
    const sizes = [[crc32(content), 4], [content.length, 4], [content.length, 4], [title.length, 2]];
    const fixed = [[10, 2], [0, 2], [0, 2], [0, 2], [0x21, 2], ...sizes, [0, 2]];
    const local = joined(encoder.encode("PK\x03\x04"), numbers(...fixed), title, content);
    directory.push(encoder.encode("PK\x01\x02"), numbers([788, 2], ...fixed, [0, 2], [0, 2], [0, 2],
      [0o100644 * 65536, 4], [place, 4]), title);
    body.push(local);
    place += local.length;
  }
  const index = joined(...directory);
  const count = files.length;
  const end = numbers([0, 2], [0, 2], [count, 2], [count, 2], [index.length, 4], [place, 4], [0, 2]);
  return joined(...body, index, encoder.encode("PK\x05\x06"), end);
}

function unpack(bytes) {
  if (bytes.length > MAX_PACKAGE_BYTES) fail("too_large", { limit: MAX_PACKAGE_BYTES });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = encoder.encode("PK\x03\x04");
  const files = [];
  let place = 0;
  while (startsWith(bytes.subarray(place), start) && files.length < 8 && place + 30 <= bytes.length) {
    const begin = place + 30 + view.getUint16(place + 26, true);
    const size = view.getUint32(place + 18, true);
    const title = bytes.subarray(place + 30, begin);
    if (title.some((byte) => byte > 127)) break;
    files.push([String.fromCharCode(...title), bytes.subarray(begin, begin + size)]);
    place = begin + size;
  }
  if (!files.length || !same(pack(files), bytes)) fail("malformed.package");
  return files;
}

async function readPackage(bytes) {
  const files = unpack(bytes);
  const held = Object.fromEntries(files);
  const names = files.map(([name]) => name);
  const titles = names.filter((name) => /^entry-(0|[1-9][0-9]{0,18})\.tlog-proof$/.test(name));
  const title = (titles[0] ?? "").replace(".tlog-proof", "");
  const wanted = ["README.txt", "checkpoint", `${title}.json`, `${title}.tlog-proof`, "keys.txt", "policy.txt"];
  if (titles.length !== 1 || names.join("\n") !== wanted.join("\n")) fail("malformed.package");
  const proof = readProof(held[`${title}.tlog-proof`]);
  if (`entry-${proof.index}` !== title) fail("malformed.contents", { name: `${title}.tlog-proof` });
  if (!same(held.checkpoint, encoder.encode(proof.checkpoint))) fail("malformed.contents", { name: "checkpoint" });
  await readKeys(held["keys.txt"]);
  for (const name of ["policy.txt", "README.txt"]) {
    try {
      readText(held[name], MAX_PACKAGE_BYTES);
    } catch {
      fail("malformed.contents", { name });
    }
  }
  return { proof, entry: held[`${title}.json`] };
}

async function readKeys(bytes) {
  const name = "keys.txt";
  let lines = [];
  try {
    lines = readText(bytes, MAX_PACKAGE_BYTES).split("\n");
  } catch {
    fail("malformed.contents", { name });
  }
  if (lines.pop() !== "" || !lines.length) fail("malformed.contents", { name });
  for (const line of lines) if (!(await keyLine(line))) fail("malformed.contents", { name });
}

// ---------------------------------------------------------------- promises
const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$/;

function later(moment, seconds) {
  const whole = new Date(Date.parse(`${moment.slice(0, 19)}Z`) + Number(seconds) * 1000);
  return `${whole.toISOString().slice(0, 19)}${moment.slice(19)}`;
}

async function openPromise(note, trust, trail) {
  const signed = await openSigned(note, trust);
  const lines = signed.text.split("\n");
  const [title, entry, leafText, at, delay] = lines;
  const leaf = fromBase64(leafText ?? "");
  const seconds = readNumber(delay ?? "");
  const formed = lines.length === 6 && !lines[5] && title.endsWith("/promise") && UUID.test(entry)
    && leaf?.length === 32 && MOMENT.test(at) && !Number.isNaN(Date.parse(at)) && at < "9999"
    && seconds !== null && seconds <= 86400n;
  if (!formed) fail("malformed.promise");
  const origin = title.slice(0, -"/promise".length);
  if (signed.keys.every((key) => key.name !== origin)) fail("wrong_origin", { origin });
  tell(signed, trail);
  trail.push({ code: "promise", values: { entry, at, delay } });
  return { origin, entry, leaf, due: later(at, seconds) };
}

// ---------------------------------------------------------------- bundles
class Lines {
  constructor(bytes) {
    this.bytes = bytes;
    this.place = 0;
    this.line = 0;
  }

  fail() {
    return fail("malformed.bundle", { line: this.line });
  }

  next(limit) {
    this.line += 1;
    const end = this.bytes.indexOf(10, this.place);
    if (end < 0 || end - this.place > limit) this.fail();
    const found = this.bytes.subarray(this.place, end);
    this.place = end + 1;
    return found;
  }

  json(limit) {
    const raw = this.next(limit);
    try {
      const text = readText(raw, limit);
      const value = JSON.parse(text);
      return canonical(value) === text ? value : this.fail();
    } catch {
      return this.fail();
    }
  }
}

function readManifest(lines) {
  if (!startsWith(lines.bytes, encoder.encode(BUNDLE_LINE))) {
    lines.line = 1;
    lines.fail();
  }
  lines.next(BUNDLE_LINE.length);
  const told = lines.json(65536);
  const count = (text) => (/^[0-9]{1,9}$/.test(text) && Number(text) <= 1e8 && String(Number(text)) === text ? Number(text) : lines.fail());
  const formed = told && Object.keys(told).sort().join() === "checkpoints,entries,keys,origin,root"
    && Array.isArray(told.keys) && told.keys.length <= 62
    && [told.origin, told.root, ...told.keys].every((each) => typeof each === "string");
  if (!formed) lines.fail();
  return { ...told, entries: count(told.entries), checkpoints: count(told.checkpoints) };
}

// The roots of the perfect subtrees of a tree that grows leaf by leaf.
class GrowingTree {
  constructor() {
    this.size = 0;
    this.edge = [];
  }

  async append(leaf) {
    this.edge.push(leaf);
    for (let size = this.size; size & 1; size >>>= 1) {
      const right = this.edge.pop();
      this.edge.push(await nodeHash(this.edge.pop(), right));
    }
    this.size += 1;
  }

  async root() {
    let root = this.edge[this.edge.length - 1];
    for (let at = this.edge.length - 2; at >= 0; at -= 1) root = await nodeHash(this.edge[at], root);
    return root;
  }
}

async function checkBundle(bytes, trust, promise, trail, progress) {
  const lines = new Lines(bytes);
  const manifest = readManifest(lines);
  const heads = [];
  for (let at = 0; at < manifest.checkpoints; at += 1) {
    const note = lines.json(8 * trust.noteLimit);
    if (typeof note !== "string") lines.fail();
    heads.push(await openCheckpoint(note, trust));
  }
  const newest = heads[heads.length - 1];
  const rising = heads.every((head, at) => head.size > (at ? heads[at - 1].size : 0n));
  const named = await Promise.all(manifest.keys.map(keyLine));
  const fits = newest && newest.origin === manifest.origin && newest.size === BigInt(manifest.entries)
    && hex(newest.root) === manifest.root && named.length > 0 && !named.includes(null)
    && new Set(manifest.keys).size === named.length;
  if (!rising || !fits) fail("malformed.bundle", { line: 2 });
  const roots = new Map(heads.map((head) => [Number(head.size), head.root]));
  const seen = await walkEntries(lines, manifest.entries, roots, promise, progress);
  trail.push({ code: "form", values: { form: "bundle" } });
  const { entries, checkpoints, root } = manifest;
  trail.push({ code: "tree", values: { entries, checkpoints } });
  if (!promise) return { code: "bundle_holds", values: { entries, checkpoints, root } };
  if (seen.index !== null) return { code: "promise_kept", values: { size: entries, index: seen.index } };
  const broken = seen.other || seen.latest > promise.due;
  return { code: broken ? "promise_broken" : "promise_open", values: { due: promise.due } };
}

async function walkEntries(lines, count, roots, promise, progress) {
  const tree = new GrowingTree();
  const seen = { index: null, other: false, latest: "" };
  for (let begin = 0; begin < count; begin += PART) {
    const part = [];
    let cut = null; // a line that cannot be read is told only after those before it were judged
    for (let at = begin; at < Math.min(begin + PART, count) && !cut; at += 1) {
      try {
        const raw = lines.next(65 + MAX_ENTRY_BYTES);
        part.push({ line: lines.line, stated: raw.subarray(0, 65), entry: raw.subarray(65) });
      } catch (error) {
        cut = error;
      }
    }
    const leaves = await Promise.all(part.map((each) => leafHash(each.entry)));
    for (const [at, leaf] of leaves.entries()) {
      const { line, stated, entry } = part[at];
      if (!same(stated, encoder.encode(`${hex(leaf)} `))) fail("malformed.bundle", { line });
      await tree.append(leaf);
      if (promise) look(seen, begin + at, leaf, entry, promise);
      const root = roots.get(tree.size);
      if (root && !same(await tree.root(), root)) fail("wrong_root");
    }
    if (cut) throw cut;
    await progress(Math.min(begin + PART, count), count);
  }
  lines.line += 1;
  if (lines.place !== lines.bytes.length) lines.fail();
  return seen;
}

function look(seen, index, leaf, raw, promise) {
  if (same(leaf, promise.leaf)) {
    seen.index = index;
    return;
  }
  const entry = readEntry(raw);
  if (!entry) return;
  seen.other ||= entry.id === promise.entry;
  if (String(entry.at) > seen.latest) seen.latest = String(entry.at);
}

// ---------------------------------------------------------------- the whole
export function kindOf(bytes) {
  const begins = { "PK\x03\x04": "package", [`${PROOF_LINE}\n`]: "proof", [BUNDLE_LINE]: "bundle", "{": "entry" };
  for (const [start, kind] of Object.entries(begins)) {
    if (startsWith(bytes, encoder.encode(start))) return kind;
  }
  const head = bytes.subarray(0, 1024);
  const end = head.indexOf(10);
  const first = new TextDecoder().decode(end < 0 ? head : head.subarray(0, end));
  if (first.endsWith("/promise")) return "promise";
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_PROOF_BYTES));
  return text.includes("\n\n— ") ? "checkpoint" : fail("malformed.unknown");
}

function sorted(files) {
  const given = {};
  for (const each of files) given[kindOf(each)] = each;
  const kinds = Object.keys(given);
  const main = kinds.filter((kind) => !["promise", "entry"].includes(kind));
  const loneEntry = given.entry && main.some((kind) => kind !== "proof");
  if (!files.length || kinds.length !== files.length || main.length > 1 || loneEntry) fail("malformed.set");
  if (given.promise && given.checkpoint) fail("malformed.set");
  return given;
}

async function checkCheckpoint(bytes, trust, house, trail) {
  const head = await openCheckpoint(readText(bytes), trust, trail);
  trail.push({ code: "form", values: { form: "checkpoint" } });
  const ours = await house.newest();
  if (!ours) return { code: "checkpoint_signed", values: { size: head.size, key: head.key.id } };
  const newest = await openCheckpoint(ours, trust);
  const values = { size: head.size, newest: newest.size };
  if (head.size > newest.size) return { code: "checkpoint_newer", values };
  const hashes = head.size ? await house.growth(head.size, newest.size) : [];
  if (!(await growthHolds(head, newest, hashes))) fail("checkpoint_forked", { size: head.size });
  trail.push({ code: "consistency", values });
  return { code: "checkpoint_consistent", values };
}

async function proofGiven(given, promise, house, trail) {
  if (given.package) {
    const found = await readPackage(given.package);
    trail.push({ code: "form", values: { form: "package" } });
    return found;
  }
  if (!given.proof) {
    const id = promise ? promise.entry : String(readEntry(given.entry)?.id ?? "");
    if (!UUID.test(id)) fail("entry_differs");
    const found = await house.proofOf(id);
    if (!found) return null;
    const proof = readProof(found.proof);
    trail.push({ code: "proof_fetched", values: { index: proof.index } });
    return { proof, entry: given.entry ?? found.entry };
  }
  const proof = readProof(given.proof);
  trail.push({ code: "form", values: { form: "proof" } });
  if (given.entry) return { proof, entry: given.entry };
  const entry = (await house.entry(proof.index)) ?? fail("entry_missing", { index: proof.index });
  trail.push({ code: "entry_fetched", values: { index: proof.index } });
  return { proof, entry };
}

async function judge(given, trust, house, trail, progress) {
  let promise = null;
  if (given.promise) {
    promise = await openPromise(readText(given.promise), trust, trail);
    trail.push({ code: "form", values: { form: "promise" } });
  }
  if (given.bundle) return checkBundle(given.bundle, trust, promise, trail, progress);
  if (given.checkpoint) return checkCheckpoint(given.checkpoint, trust, house, trail);
  const found = await proofGiven(given, promise, house, trail);
  if (!found) return promise ? fail("promise_open", { due: promise.due }) : fail("proof_missing");
  const proven = await verifyProof(found.proof, found.entry, trust, trail);
  if (promise && !same(proven.leaf, promise.leaf)) fail("entry_differs");
  const values = { size: proven.head.size, index: proven.index };
  return { code: promise ? "promise_kept" : "proof_holds", values };
}

// Check files that belong together; answers {code, values, steps} and never throws NotProven.
export async function check(files, trust, house, progress = async () => {}) {
  const steps = [];
  try {
    return { ...(await judge(sorted(files), trust, house, steps, progress)), steps };
  } catch (error) {
    if (!(error instanceof NotProven)) throw error;
    return { code: error.code, values: error.values, steps };
  }
}
