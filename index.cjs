// The same for `require`, through Node's own loader: there is one copy of the library in a process, however it is loaded. Test runners
// such as jest put a `require` that knows no ES modules, and a copy of `process`, in front of it: Node's own is in its first realm.
const { runInThisContext } = require('node:vm')

module.exports = runInThisContext('process').getBuiltinModule('node:module').createRequire(__filename)('./dist/index.js')
