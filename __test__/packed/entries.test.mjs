/** Every entry of the package, and one more that is made for the test: imported, required, compiled and judged. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exportedBy, specifierOf } from '../../scripts/packages/entries.mjs'
import { installProject } from './support/project.mjs'
import { entries, packageWithFixture } from './support/with-fixture.mjs'

describe('a package with one entry more', () => {
  let fixture, project
  before(async () => {
    fixture = await packageWithFixture()
    project = await installProject('typescript', { tarball: fixture.tarball })
  })
  after(async () => {
    await project?.remove()
    await fixture?.remove()
  })

  for (const entry of entries) {
    const specifier = specifierOf(entry)

    test(`${specifier} is the same objects, imported and required`, async () => {
      const program = `
        import { createRequire } from 'node:module'
        import * as imported from '${specifier}'
        const required = createRequire(import.meta.url)('${specifier}')
        const names = Object.keys(imported).sort()
        console.log(JSON.stringify([names, names.filter((name) => imported[name] !== required[name])]))`
      const { code, stdout, stderr } = await project.node(['--input-type=module', '-e', program])
      assert.equal(code, 0, stderr)
      assert.deepEqual(JSON.parse(stdout), [exportedBy(entry, fixture.directory), []])
    })

    test(`${specifier} has types for every way to resolve modules`, async () => {
      const directory = `types-of-${entry.module.replaceAll('/', '-')}`
      const names = exportedBy(entry, fixture.directory)
      const program = `import * as all from '${specifier}'
        export const names: readonly (keyof typeof all)[] = ${JSON.stringify(names)}
        // @ts-expect-error -- no export
        export const wrong: keyof typeof all = 'noSuchName'\n`
      const compilerOptions = { target: 'ES2022', strict: true, types: ['node'], noEmit: true }
      const compile = async (compiler, ...options) => {
        const args = [`node_modules/${compiler}/bin/tsc`, '-p', directory, ...options]
        const { code, stdout } = await project.node(args)
        assert.equal(code, 0, `${args.join(' ')}\n${stdout}`)
      }
      const write = (file, text) => writeFile(join(project.directory, directory, file), text)
      await mkdir(join(project.directory, directory))
      await write('tsconfig.json', JSON.stringify({ compilerOptions }))
      await write('esm.ts', program)
      await compile('typescript', '--module', 'esnext', '--moduleResolution', 'bundler')
      await compile('typescript-oldest', '--module', 'commonjs', '--moduleResolution', 'node10')
      await write('commonjs.cts', program)
      await compile('typescript', '--module', 'node16')
    })
  }

  test('a command can be run by its name', async () => {
    const { code, stdout, stderr } = await project.bin('durabl-fixture', ['j_1'])
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim(), 'j_1')
  })

  test('the tools that judge packages find nothing', async () => {
    const judges = await installProject('lint', { tarball: fixture.tarball })
    try {
      const publint = await judges.bin('publint', [fixture.tarball])
      assert.match(publint.stdout, /All good!/, publint.stdout + publint.stderr)
      const attw = await judges.bin('attw', [fixture.tarball, '--format', 'ascii', '--no-emoji'])
      assert.match(attw.stdout, /No problems found/, attw.stdout + attw.stderr)
    } finally {
      await judges.remove()
    }
  })
})
