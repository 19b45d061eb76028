/** The parts of a run, by its arguments. */
import { Advice } from '../terminal.mjs'
import { kindOf, runNodeTests, testFiles, together } from './node.mjs'
import { runPackedTests } from './packed.mjs'
import { compileRustTests, isRustTest, runRustTests } from './rust.mjs'
import { runTypeTests } from './types.mjs'

/** Words that name a part; others are pieces of paths, or of Rust tests' names. */
const WORDS = ['types', 'engine']

/** One file after the other, however many processors there are: these tests look at how soon something happens. */
const ONE_BY_ONE = 1

/** The request of the command line. After `engine`, a word selects the Rust tests that have it in their names. */
function read(args) {
  const options = args.filter((arg) => arg.startsWith('-'))
  const words = args.filter((arg) => !arg.startsWith('-'))
  const at = words.indexOf('engine')
  const isName = (word, place) => at >= 0 && place > at && isRustTest(word)
  const others = words.filter((word) => !WORDS.includes(word))
  return {
    options,
    isAll: words.length === 0,
    types: words.includes('types'),
    engine: at >= 0,
    names: words.filter(isName),
    paths: others.filter((word) => !isName(word, words.indexOf(word))),
  }
}

/**
 * The parts that the arguments ask for, in order. Each has a `name`, and `run(env)`, which returns what it counted. The `compile` of
 * a part can run while the parts before it run.
 */
export function plan(args) {
  const asked = read(args)
  const { options, isAll, names, paths } = asked
  const found = isAll || paths.length > 0 ? testFiles(paths) : []
  // They take long, and the network: only where they are asked for.
  const files = isAll ? found.filter((file) => kindOf(file) !== 'packed') : found
  const parts = []
  const add = (name, run, compile) => parts.push({ name, run, compile })
  const addFiles = (name, kinds, run) => {
    const its = files.filter((file) => kinds.includes(kindOf(file)))
    if (its.length > 0) add(name, (env) => run(its, env))
  }
  const runTogether = (its, env) => runNodeTests(its, env, options, together())

  if (isAll || asked.types) add('types', runTypeTests)
  addFiles('unit', ['unit'], runTogether)
  if (isAll || asked.engine) add('engine', (env) => runRustTests(names, env), compileRustTests)
  addFiles('server', ['faults', 'integration', 'conformance'], runTogether)
  addFiles('timed', ['timed'], (its, env) => runNodeTests(its, env, options, ONE_BY_ONE))
  addFiles('packed', ['packed'], (its, env) => runPackedTests(its, env, options))
  if (paths.length > 0 && files.length === 0)
    throw new Advice(`No test file's path contains ${paths.join(' or ')}.`)
  return parts
}
