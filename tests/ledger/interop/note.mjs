// Checks a checkpoint's Ed25519 line and one inclusion proof with what Node itself brings.
//   node note.mjs CHECKPOINT VKEY PROOF.json
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'

const [noteFile, vkey, proofFile] = process.argv.slice(2)
const [text, tail] = readFileSync(noteFile, 'utf8').split(/\n\n(?=\u2014 )/)
const [name, id, ...rest] = vkey.split('+')
const key = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'),
  Buffer.from(rest.join('+'), 'base64').subarray(1)]), format: 'der', type: 'spki' })
const lines = tail.trim().split('\n').map(line => line.split(' ')).filter(each => each[1] === name)
const signature = lines.map(each => Buffer.from(each[2], 'base64'))
  .find(each => each.subarray(0, 4).toString('hex') === id)
if (!verify(null, Buffer.from(text + '\n'), key, signature.subarray(4))) throw new Error('signature')

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const proof = JSON.parse(readFileSync(proofFile, 'utf8'))
let [here, last] = [proof.index, proof.size - 1]
let root = sha256(Buffer.from([0]), Buffer.from(proof.entry))
for (const each of proof.hashes.map(hash => Buffer.from(hash, 'hex'))) {
  if (here % 2 === 1 || here === last) {
    root = sha256(Buffer.from([1]), each, root)
    while (here % 2 === 0 && here > 0) { here = here / 2; last = Math.floor(last / 2) }
  } else root = sha256(Buffer.from([1]), root, each)
  here = Math.floor(here / 2); last = Math.floor(last / 2)
}
if (last !== 0 || root.toString('base64') !== text.split('\n')[2]) throw new Error('inclusion')
console.log(`OK: ${name} size ${text.split('\n')[1]}; entry ${proof.index} by ${proof.hashes.length} hashes`)
