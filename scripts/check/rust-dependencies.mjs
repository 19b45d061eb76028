/** Every crate that a manifest asks for is used by the code that it serves. */
import { filesUnder } from '../setup/newest.mjs'
import { read } from './files.mjs'

const PLACES = {
  'Cargo.toml': { dependencies: ['src'], 'dev-dependencies': ['tests'], 'build-dependencies': ['build.rs'] },
  'engine/Cargo.toml': {
    dependencies: ['engine/src'],
    'dev-dependencies': ['engine/tests', 'engine/src', 'engine/benches', 'engine/examples'],
  },
}

/** The names in one section of a manifest, which lists one dependency a line. */
function namesIn(manifest, section) {
  const body = manifest.split(/^\[/m).find((part) => part.startsWith(`${section}]`)) ?? ''
  return [...body.matchAll(/^([\w-]+)(?:\.workspace)?\s*=/gm)].map(([, name]) => name)
}

export async function checkRustDependencies() {
  const complaints = []
  for (const [file, sections] of Object.entries(PLACES)) {
    for (const [section, places] of Object.entries(sections)) {
      const code = filesUnder(...places)
        .map(read)
        .join('\n')
      for (const name of namesIn(read(file), section)) {
        const used = new RegExp(`\\b${name.replaceAll('-', '_')}(::|;| as )`).test(code)
        if (!used) complaints.push(`${file}: ${section}.${name} is not used`)
      }
    }
  }
  return complaints
}
