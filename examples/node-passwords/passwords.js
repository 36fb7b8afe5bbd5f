// Makes an Argon2id hash of each crew member's password and verifies it, with a native module.
import { readFileSync } from 'node:fs'
import { hashSync, verifySync } from '@node-rs/argon2'

const crew = JSON.parse(readFileSync(process.argv[2], 'utf8'))
for (const { name, password } of crew) {
  const hash = hashSync(password)
  const scheme = hash.split('$')[1]
  const right = verifySync(hash, password) ? 'accepted' : 'refused'
  const wrong = verifySync(hash, password + '!') ? 'accepted' : 'refused'
  console.log(`${name}: ${scheme}, the right password is ${right}, a wrong one ${wrong}`)
}
