/** Bar charts as SVG, readable on light and on dark pages. */

const WIDTH = 800
const NAMES = 290
const VALUES = 70
const BAR = 13
const GAP = 12
const TOP = 56
const BOTTOM = 30

/** One colour per series, with enough contrast on either background. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 14px }
  .soft { fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .range { stroke: #24292f; stroke-width: 1.5 }
  .s0 { fill: #8fb8de } .s1 { fill: #2f6fb0 } .s2 { fill: #12406e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .soft { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .range { stroke: #e6edf3 }
    .s0 { fill: #1f4b78 } .s1 { fill: #4a8fd6 } .s2 { fill: #a9d1f7 }
  }`

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** The next round number: 1, 2 or 5 times a power of ten. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * [1, 2, 5, 10].find((step) => step * power >= value)
}

/** `12,300`, `4.7`: as many digits as matter. */
export function figure(value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

function bar(value, series, y, scale) {
  if (!value) return `<text class="soft" x="${NAMES + 4}" y="${y + BAR - 2}">not measured</text>`
  const { median, min, max } = value
  const middle = y + BAR / 2
  const end = NAMES + scale(Math.max(median, max))
  return [
    `<rect class="s${series}" x="${NAMES}" y="${y}" width="${scale(median).toFixed(1)}" height="${BAR - 2}"/>`,
    `<line class="range" x1="${(NAMES + scale(min)).toFixed(1)}" x2="${end.toFixed(1)}" y1="${middle - 1}" y2="${middle - 1}"/>`,
    `<text x="${(end + 5).toFixed(1)}" y="${y + BAR - 2}">${figure(median)}</text>`,
  ].join('')
}

function legend(series) {
  const item = (name, index) =>
    `<rect class="s${index}" x="${NAMES + index * 150}" y="28" width="11" height="11"/>` +
    `<text x="${NAMES + 16 + index * 150}" y="38">${escaped(name)}</text>`
  return series.length > 1 ? series.map(item).join('') : ''
}

/**
 * @param chart.title what it shows
 * @param chart.unit what is counted, under the bars
 * @param chart.series the names of the bars of a group, at most three
 * @param chart.rows the groups: `name`, and `values`, one `{ median, min, max }` or null per series
 */
export function barChart({ title, unit, series, rows }) {
  const most = roundUp(
    Math.max(...rows.flatMap(({ values }) => values.map((value) => value?.max ?? 0)), 1e-9),
  )
  const scale = (value) => (value / most) * (WIDTH - NAMES - VALUES)
  const group = series.length * BAR + GAP
  const height = TOP + rows.length * group + BOTTOM
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => share * most)
  const grid = steps.map((step) => {
    const x = (NAMES + scale(step)).toFixed(1)
    return (
      `<line class="grid" x1="${x}" x2="${x}" y1="${TOP - 6}" y2="${height - BOTTOM}"/>` +
      `<text class="soft" x="${x}" y="${height - BOTTOM + 15}" text-anchor="middle">${figure(step)}</text>`
    )
  })
  const bars = rows.map(({ name, values }, index) => {
    const y = TOP + index * group
    const label = `<text x="${NAMES - 8}" y="${y + (series.length * BAR) / 2 + 4}" text-anchor="end">${escaped(name)}</text>`
    return label + values.map((value, place) => bar(value, place, y + place * BAR, scale)).join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escaped(title)}</title><style>${STYLE}\n</style>`,
    `<text class="title" x="8" y="20">${escaped(title)}</text>`,
    `<text class="soft" x="${WIDTH - 8}" y="20" text-anchor="end">${escaped(unit)}</text>`,
    ...[legend(series), ...grid, ...bars],
    '</svg>\n',
  ].join('\n')
}
