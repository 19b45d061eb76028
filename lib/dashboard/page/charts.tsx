/** Charts, drawn as SVG by hand: small ones for tables, and large ones with a scale. */
import { length, minute, short } from './format'
import type { Zone } from './state'

const max = (values: readonly (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0))

/** Completed jobs upwards, failed attempts on top in red. */
export function Spark({
  completed,
  failures,
}: {
  completed: readonly number[]
  failures: readonly number[]
}) {
  const size = 2
  const groups = Array.from({ length: Math.ceil(completed.length / size) }, (_, index) => {
    const of = (values: readonly number[]) =>
      values.slice(index * size, (index + 1) * size).reduce((a, b) => a + b, 0)
    return { good: of(completed), bad: of(failures) }
  })
  const top = max(groups.map(({ good, bad }) => good + bad))
  const total = completed.reduce((a, b) => a + b, 0)
  const failed = failures.reduce((a, b) => a + b, 0)
  return (
    <svg
      class="spark"
      viewBox="0 0 90 22"
      role="img"
      aria-label={`last hour: ${total} completed, ${failed} failed attempts`}
    >
      <line class="axis" x1="0" x2="90" y1="21.5" y2="21.5" />
      {groups.map(({ good, bad }, index) => {
        if (good + bad === 0) return null
        const height = Math.max(1.5, ((good + bad) / top) * 20)
        const red = bad === 0 ? 0 : Math.max(1.5, (height * bad) / (good + bad))
        return (
          <>
            <rect
              class="good"
              x={index * 3}
              width="2.2"
              y={21 - height + red}
              height={Math.max(0, height - red)}
            />
            {bad > 0 && <rect class="bad" x={index * 3} width="2.2" y={21 - height} height={red} />}
          </>
        )
      })}
    </svg>
  )
}

const WIDTH = 640
const HEIGHT = 150
const LEFT = 44
const BOTTOM = 18

interface Chart {
  title: string
  from: number
  stepMs: number
  zone: Zone
}

/** A round number at or above the largest value. */
function ceiling(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 1.5, 2, 3, 5, 7.5, 10].find((step) => step * power >= value) ?? 10) * power
}

function Scale(
  props: Chart & {
    top: number
    count: number
    format: (value: number) => string
    children: preact.ComponentChildren
    summary: string
  },
) {
  const { title, top, count, format, from, stepMs, zone, children, summary } = props
  const y = (share: number) => HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - 10)
  const marks = [0, 0.25, 0.5, 0.75, 1]
  // Halves that read as the whole does say nothing.
  const shares = [0, 0.5, 1].filter((share) => share === 1 || format(top * share) !== format(top))
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${title}: ${summary}`}>
        {shares.map((share) => (
          <>
            <line class="grid" x1={LEFT} x2={WIDTH} y1={y(share)} y2={y(share)} />
            <text class="scale" x={LEFT - 6} y={y(share) + 3.5} text-anchor="end">
              {format(top * share)}
            </text>
          </>
        ))}
        {marks.map((share) => (
          <text
            class="scale"
            x={LEFT + share * (WIDTH - LEFT)}
            y={HEIGHT - 4}
            text-anchor={share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}
          >
            {minute(from + share * count * stepMs, zone)}
          </text>
        ))}
        {children}
      </svg>
    </figure>
  )
}

export function Bars(props: Chart & { good: readonly number[]; bad: readonly number[] }) {
  const { good, bad } = props
  const top = ceiling(max(good.map((value, index) => value + (bad[index] ?? 0))))
  const step = (WIDTH - LEFT) / Math.max(1, good.length)
  const scale = (HEIGHT - BOTTOM - 10) / top
  const summary = `${good.reduce((a, b) => a + b, 0)} completed, ${bad.reduce((a, b) => a + b, 0)} failed attempts`
  return (
    <Scale {...props} top={top} count={good.length} format={short} summary={summary}>
      {good.map((value, index) => {
        const failed = bad[index] ?? 0
        const base = HEIGHT - BOTTOM
        const x = LEFT + index * step + step * 0.12
        const width = step * 0.76
        return (
          <>
            {value > 0 && (
              <rect class="good" x={x} width={width} y={base - value * scale} height={value * scale} />
            )}
            {failed > 0 && (
              <rect
                class="bad"
                x={x}
                width={width}
                y={base - (value + failed) * scale}
                height={Math.max(1, failed * scale)}
              />
            )}
          </>
        )
      })}
    </Scale>
  )
}

export function Lines(
  props: Chart & { lines: readonly { name: string; values: readonly (number | null)[]; tone: string }[] },
) {
  const { lines } = props
  const count = Math.max(1, ...lines.map(({ values }) => values.length))
  const top = ceiling(max(lines.flatMap(({ values }) => values)))
  const x = (index: number) => LEFT + ((index + 0.5) * (WIDTH - LEFT)) / count
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - 10)
  const summary = lines.map(({ name, values }) => `${name} up to ${length(max(values))}`).join(', ')
  return (
    <Scale
      {...props}
      top={top}
      count={count}
      format={(value) => (value === 0 ? '0' : length(value))}
      summary={summary}
    >
      {lines.map(({ name, values, tone }) => (
        <g class={`line ${tone}`} key={name}>
          <path d={pathOf(values, x, y)} />
          {values.map((value, index) => value !== null && <circle cx={x(index)} cy={y(value)} r="1.6" />)}
        </g>
      ))}
    </Scale>
  )
}

/** A gap where nothing was measured. */
function pathOf(
  values: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let path = ''
  let isDrawing = false
  for (const [index, value] of values.entries()) {
    if (value !== null) path += `${isDrawing ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`
    isDrawing = value !== null
  }
  return path
}
