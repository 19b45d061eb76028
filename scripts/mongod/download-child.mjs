/** The part of `download.mjs` that may hang: asks mongodb-memory-server for a server in the directory given, and prints its path. */
import binary from 'mongodb-memory-server-core/lib/util/MongoBinary.js'

console.log(`mongod is at ${await binary.MongoBinary.getPath({ downloadDir: process.argv[2] })}`)
