/** An ESLint plugin for orchestrations; documented in `eslint.d.ts`. Needs nothing but ESLint. */
import { VERSION } from '../base/version'
import { noNondeterministicControlPath } from './rule'

const NAME = 'no-nondeterministic-control-path'

interface Plugin {
  readonly meta: { readonly name: string; readonly version: string }
  readonly rules: Readonly<Record<typeof NAME, typeof noNondeterministicControlPath>>
  readonly configs: { recommended: object[] }
}

const plugin: Plugin = {
  meta: { name: 'durabl', version: VERSION },
  rules: { [NAME]: noNondeterministicControlPath },
  configs: { recommended: [] },
}
plugin.configs.recommended.push({ plugins: { durabl: plugin }, rules: { [`durabl/${NAME}`]: 'error' } })

export { noNondeterministicControlPath }
export const { meta, rules, configs } = plugin
export default plugin
