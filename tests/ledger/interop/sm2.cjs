// Checks an SM2 signature (DER) over a message with npm sm-crypto: PUBLIC MESSAGE SIGNATURE in hex.
const { sm2 } = require('sm-crypto')

const [publicKey, message, signature] = process.argv.slice(2)
const bytes = [...Buffer.from(message, 'hex')]
const sound = sm2.doVerifySignature(bytes, signature, publicKey, {
  der: true,
  hash: true,
  userId: '1234567812345678'
})
console.log(sound ? 'OK' : 'NOT OK')
