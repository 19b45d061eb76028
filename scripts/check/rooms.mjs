/**
 * Rooms and floors of source code, as pure functions over a graph of imports: arrows lead down only, and in no circle.
 *
 * A graph maps each file to the files that it imports. Floors are lists of rooms, the highest floor first; `roomOf` tells the
 * room of a file.
 */

/** Complaints about imports that lead to a higher floor, or to another room of the same floor, and about files in no room. */
export function upwardArrows(graph, floors, roomOf) {
  const floorOf = new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room, floor])))
  const complaints = []
  for (const [file, imports] of graph) {
    const from = roomOf(file)
    if (!floorOf.has(from)) complaints.push(`${file} is in no room: ${from} is not on any floor`)
    for (const imported of imports) {
      const to = roomOf(imported)
      if (to !== from && floorOf.get(to) <= floorOf.get(from)) {
        complaints.push(`${file} imports ${imported}: ${from} may import only what lies below it`)
      }
    }
  }
  return complaints
}

/** One complaint for each group of files that import each other, with a way round. */
export function circles(graph) {
  return components(graph)
    .filter((files) => files.length > 1 || graph.get(files[0])?.includes(files[0]))
    .map((files) => `a circle of imports: ${wayRound(graph, files).join(' → ')}`)
}

/** The arrows between rooms, each once, as `from → to`. */
export function roomArrows(graph, roomOf) {
  const arrows = [...graph].flatMap(([file, imports]) =>
    imports.map((imported) => [roomOf(file), roomOf(imported)]),
  )
  return [...new Set(arrows.filter(([from, to]) => from !== to).map((arrow) => arrow.join(' → ')))].sort()
}

/** Strongly connected components, by Tarjan's algorithm. */
function components(graph) {
  const order = new Map()
  const lowest = new Map()
  const stack = []
  const found = []
  const visit = (file) => {
    order.set(file, order.size)
    lowest.set(file, order.get(file))
    stack.push(file)
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) visit(next)
      if (stack.includes(next)) lowest.set(file, Math.min(lowest.get(file), lowest.get(next)))
    }
    if (lowest.get(file) === order.get(file)) found.push(stack.splice(stack.indexOf(file)))
  }
  for (const file of graph.keys()) if (!order.has(file)) visit(file)
  return found
}

/** The shortest way from the first file of a component back to it. */
function wayRound(graph, [start, ...others]) {
  const within = new Set([start, ...others])
  const ways = [[start]]
  const seen = new Set()
  for (const way of ways) {
    for (const next of graph.get(way.at(-1)) ?? []) {
      if (next === start) return [...way, start]
      if (!within.has(next) || seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return [start, ...others]
}
