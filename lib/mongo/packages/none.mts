/**
 * Takes the place of `literal.ts` in a bundle: there the packages are looked for at run time. An ES module, as every file behind
 * the condition `module` has to be.
 */
import type { NamedPackages } from './named.js'

export const PACKAGES: NamedPackages = {}
