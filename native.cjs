// The same for `require`. By Node's own loader, also where `require` is another's that knows no ES modules, such as jest's: so there
// is one copy of the library in a process, however it is loaded.
module.exports = process.getBuiltinModule('node:module').createRequire(__filename)('./dist/library/index.js')
