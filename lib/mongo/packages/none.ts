/** Takes the place of `literal.ts` in a bundle: there the packages are looked for at run time. */
import type { NamedPackages } from './named'

export const PACKAGES: NamedPackages = {}
