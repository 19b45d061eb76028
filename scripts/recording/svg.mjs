/** A terminal as a picture that moves: lines appear when they were printed, and older ones scroll away. SVG alone, so code hosts show it. */
const ROW = 18
const ROWS = 20
const COLUMNS = 104
const CHARACTER = 7.25
const TOP = 44
const BOTTOM = 16
const WIDTH = Math.round(COLUMNS * CHARACTER + 32)
const HEIGHT = TOP + ROWS * ROW + BOTTOM

/** The time for which the last line stays before the story begins again, in milliseconds. */
const HOLD_MS = 6000

const CLASSES = { 1: 'b', 2: 'd', 31: 'r', 32: 'g', 33: 'y', 34: 'u', 36: 'c' }

const STYLE = `
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #e6edf3; white-space: pre }
  .b { font-weight: 700 } .d { fill: #8b949e } .r { fill: #ff7b72 } .g { fill: #7ee787 } .y { fill: #e3b341 }
  .u { fill: #79c0ff } .c { fill: #76e3ea }`

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** A line with the colours that a terminal would give it. */
export function spans(line) {
  let style = ''
  // eslint-disable-next-line no-control-regex -- colours begin by it
  const parts = line.split(/\x1b\[(\d+)m/)
  return parts
    .map((part, index) => {
      if (index % 2 === 1) style = CLASSES[part] ?? ''
      const isText = index % 2 === 0 && part !== ''
      return isText ? `<tspan${style && ` class="${style}"`}>${escaped(part)}</tspan>` : ''
    })
    .join('')
}

const percent = (ms, totalMs) => `${((ms / totalMs) * 100).toFixed(2)}%`

/** When each line appears, and by how many rows all of them have moved up by then. */
function keyframes(lines, totalMs) {
  const shown = lines.map(
    ({ ms }, index) =>
      `@keyframes l${index} { 0% { opacity: 0 } ${percent(ms, totalMs)}, 100% { opacity: 1 } }`,
  )
  const moves = lines
    .map(({ ms }, index) => ({ ms, rows: Math.max(0, index + 1 - ROWS) }))
    .filter(({ rows }) => rows > 0)
    .map(({ ms, rows }) => `${percent(ms, totalMs)} { transform: translateY(${-rows * ROW}px) }`)
  const last = Math.max(0, lines.length - ROWS) * ROW
  return [
    ...shown,
    `@keyframes up { 0% { transform: none } ${moves.join(' ')} 100% { transform: translateY(${-last}px) } }`,
    `@media (prefers-reduced-motion: no-preference) {`,
    `  #lines { animation: up ${totalMs}ms step-end infinite }`,
    ...lines.map((_, index) => `  #n${index} { animation: l${index} ${totalMs}ms step-end infinite }`),
    `}`,
  ].join('\n  ')
}

/**
 * @param lines `ms`, since the beginning, and `text` of each line, with its colours
 * @param options.title what the frame says
 * @param options.slower how many times slower than in truth it is told
 */
export function recordingSvg(lines, { title, slower }) {
  const told = lines.map(({ ms, text }) => ({ ms: ms * slower, text }))
  const totalMs = Math.round((told.at(-1)?.ms ?? 0) + HOLD_MS)
  const rows = told.map(
    ({ text }, index) =>
      `<text id="n${index}" x="16" y="${index * ROW + 13}" xml:space="preserve">${spans(text)}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}\n  ${keyframes(told, totalMs)}\n</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#0d1117"/>`,
    '<circle cx="18" cy="18" r="5" fill="#ff5f57"/><circle cx="36" cy="18" r="5" fill="#febc2e"/><circle cx="54" cy="18" r="5" fill="#28c840"/>',
    `<text class="d" x="${WIDTH / 2}" y="22" text-anchor="middle">${escaped(title)}</text>`,
    `<svg x="0" y="${TOP}" width="${WIDTH}" height="${ROWS * ROW}"><g id="lines">`,
    ...rows,
    '</g></svg>',
    '</svg>\n',
  ].join('\n')
}
