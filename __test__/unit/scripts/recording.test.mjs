/** The recording of the quick start: lines become text with colours, and appear in their order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordingSvg, spans } from '../../../scripts/recording/svg.mjs'

test('colours of a terminal become classes, and what XML would take for markup is escaped', () => {
  assert.equal(
    spans('\x1b[2m0.1 s\x1b[0m  \x1b[32mok\x1b[0m a<b'),
    '<tspan class="d">0.1 s</tspan><tspan>  </tspan><tspan class="g">ok</tspan><tspan> a&lt;b</tspan>',
  )
})

const lines = Array.from({ length: 25 }, (_, index) => ({ ms: index * 100, text: `line ${index}` }))
const svg = recordingSvg(lines, { title: 'a & b', slower: 2 })

test('a line appears at its time, told as much slower as asked for', () => {
  // 24 steps of 200 ms and the time that the last line stays.
  assert.match(svg, /#n1 \{ animation: l1 10800ms/)
  assert.match(svg, /@keyframes l1 \{ 0% \{ opacity: 0 \} 1\.85%, 100%/)
})

test('more lines than the frame has rows scroll up, to the last one', () => {
  assert.match(svg, /100% \{ transform: translateY\(-90px\) \} \}/)
  assert.ok(svg.includes('<title>a &amp; b</title>'))
})
