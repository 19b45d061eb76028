const os = require('node:os')

// mongodb 7.6 and newer import `os` dynamically, which Jest has no answer to unless Node runs with --experimental-vm-modules.
const hasAnswer = process.env.NODE_OPTIONS?.includes('--experimental-vm-modules')
exports.connectOptions = hasAnswer ? {} : { runtimeAdapters: { os } }
