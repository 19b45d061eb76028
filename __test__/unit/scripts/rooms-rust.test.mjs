/** The graph of the engine's files: every way of naming another module counts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphOfRust, straySpawns } from '../../../scripts/check/rooms-rust.mjs'

const moduleOf = (file) => file.slice('engine/src/'.length, -'.rs'.length)

const arrows = (files) => {
  const texts = Object.entries(files).map(([module, text]) => [`engine/src/${module}.rs`, text])
  return [...graphOfRust(new Map(texts))].flatMap(([from, used]) =>
    used.map((to) => `${moduleOf(from)} ${moduleOf(to)}`),
  )
}

test('every way in which Rust names another module is an arrow', () => {
  const target = { lib: 'mod a;\nmod b;\n', b: 'mod c;\n', 'b/c': '' }
  const from = (text) => arrows({ ...target, a: text })
  assert.deepEqual(from('use crate::b::c::Thing;\n'), ['a b/c'])
  assert.deepEqual(from('use crate::{\n    b::{self, c},\n};\n'), ['a b', 'a b/c'])
  assert.deepEqual(from('pub(crate) use super::b::Thing as Other;\n'), ['a b'])
  assert.deepEqual(from('fn f() -> crate::b::Thing {\n    super::b::c::make()\n}\n'), ['a b', 'a b/c'])
  assert.deepEqual(arrows({ ...target, b: 'mod c;\n\nfn f() {\n    c::make();\n}\n' }), ['b b/c'])
  assert.deepEqual(arrows({ ...target, 'b/c': 'use super::Thing;\n' }), ['b/c b'])
})

test('neither a comment, nor another crate, nor what only tests use is an arrow', () => {
  const text = `// use crate::b::Thing;
/// [\`crate::b\`]
use mongodb::b::Thing;

#[cfg(test)]
mod tests {
    use crate::b::Thing;
}
`
  assert.deepEqual(arrows({ lib: 'mod a;\nmod b;\n', a: text, b: '' }), [])
  const onlyTests = {
    lib: 'mod b;\n#[cfg(test)]\nmod model;\n',
    b: '',
    model: 'mod x;\n',
    'model/x': 'use crate::b::T;\n',
  }
  assert.deepEqual(arrows(onlyTests), [])
})

test('a task that is spawned elsewhere than in the one file is named, unless only a test spawns it', () => {
  const inTest = '#[cfg(test)]\nmod tests {\n    fn f() {\n        tokio::spawn(g());\n    }\n}\n'
  const texts = new Map([
    ['engine/src/report/tasks.rs', 'tokio::spawn(work);'],
    ['engine/src/a.rs', 'lock(&self.tasks).spawn(tasks::kept(work));\n' + inTest],
    ['engine/src/b.rs', 'fn f() {\n    tokio::task::spawn_local(work);\n}\n'],
  ])
  assert.deepEqual(
    straySpawns(texts).map((complaint) => complaint.split(' ')[0]),
    ['engine/src/b.rs'],
  )
})
