/** Colours, if a terminal shows them and nothing forbids it. */
const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const

export type Style = keyof typeof CODES

export function styleText(style: Style, text: string, stream: { readonly isTTY?: boolean }): string {
  const isPlain = Boolean(process.env.NO_COLOR) || stream.isTTY !== true
  return isPlain ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`
}
