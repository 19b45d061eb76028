/** The package's version. Written by scripts/manifests.mjs. */
export const VERSION = '0.5.0'
