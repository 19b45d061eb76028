/**
 * The packages that are loaded late, each required by its literal name. Tools that trace the files of an app (Next.js, serverless
 * packagers) ship only names that they can read in the source.
 *
 * A bundler gets `none.mts` instead, by the condition `module` of `#packages` in `package.json`. It can't take a binary in, and
 * most would end the build with an error.
 */
import type { NamedPackages } from './named'

export const PACKAGES: NamedPackages = {
  mongodb: () => require('mongodb') as unknown,
  '@durabl/durabl-linux-x64-gnu': () => require('@durabl/durabl-linux-x64-gnu') as unknown,
  '@durabl/durabl-linux-arm64-gnu': () => require('@durabl/durabl-linux-arm64-gnu') as unknown,
  '@durabl/durabl-linux-x64-musl': () => require('@durabl/durabl-linux-x64-musl') as unknown,
  '@durabl/durabl-linux-arm64-musl': () => require('@durabl/durabl-linux-arm64-musl') as unknown,
  '@durabl/durabl-darwin-x64': () => require('@durabl/durabl-darwin-x64') as unknown,
  '@durabl/durabl-darwin-arm64': () => require('@durabl/durabl-darwin-arm64') as unknown,
  '@durabl/durabl-win32-x64-msvc': () => require('@durabl/durabl-win32-x64-msvc') as unknown,
}
