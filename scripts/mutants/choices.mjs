/**
 * Many mutants of a TypeScript source in one text. Each changed expression or statement becomes a choice at run
 * time. So one process can try many of them. Mutants stand side by side, never within each other.
 */
import ts from 'typescript'

/** The name of the question which mutant is on, as the sources ask it; `scripts/mutants/host/switch.cjs` answers. */
export const ASK = '$mutant'

/** The smallest node of exactly this range, and the largest one. */
function nodesOf(tree, from, to) {
  const found = []
  const visit = (node) => {
    if (node.getStart(tree) > from || node.getEnd() < to) return
    if (node.getStart(tree) === from && node.getEnd() === to) found.push(node)
    // `forEachChild` leaves out operators, which are tokens.
    node.getChildren(tree).forEach(visit)
  }
  visit(tree)
  return found.filter(({ kind }) => kind !== ts.SyntaxKind.SyntaxList)
}

/** The node that is chosen as a whole for this change: a statement or an expression. Null where there is none. */
function anchorOf(tree, { from, to, replacement }) {
  const nodes = nodesOf(tree, from, to)
  if (replacement === ';') return nodes.find(ts.isStatement) ?? null
  let node = nodes.findLast((each) => !ts.isStatement(each)) ?? null
  if (node === null) return null
  if (ts.isToken(node) && ts.isBinaryExpression(node.parent) && node.parent.operatorToken === node)
    node = node.parent
  // Half a chain of `?.` would go on where the whole one ends.
  while (ts.isOptionalChain(node.parent) && node.parent.expression === node) node = node.parent
  return node
}

/** Whether the code runs when its file is loaded, and never again. */
function isOfFile(node) {
  for (let around = node; around; around = around.parent) {
    if (ts.isFunctionLike(around)) return false
    if (ts.isPropertyDeclaration(around) && !around.modifiers?.some(isStatic)) return false
  }
  return true
}

const isStatic = ({ kind }) => kind === ts.SyntaxKind.StaticKeyword

/** The changed places as a tree: each with the mutants that it decides about, and with the places within it. */
function placesOf(tree, mutants) {
  const byRange = new Map()
  for (const mutant of mutants) {
    const node = anchorOf(tree, mutant)
    if (node === null) continue
    const [from, to, isStatement] = [node.getStart(tree), node.getEnd(), ts.isStatement(node)]
    const key = `${from} ${to} ${isStatement}`
    const kind = { isStatement, isKey: node.parent.name === node, isOfFile: isOfFile(node) }
    const place = byRange.get(key) ?? { from, to, ...kind, mutants: [] }
    place.mutants.push(mutant)
    byRange.set(key, place)
  }
  // The outer ones first.
  return [...byRange.values()].sort(
    (one, other) =>
      one.from - other.from || other.to - one.to || Number(other.isStatement) - Number(one.isStatement),
  )
}

/** The text of this range, with the choices in it; takes them off the list. */
function rendered(source, from, to, places) {
  let text = ''
  let copiedTo = from
  while (places.length > 0 && places[0].from < to) {
    const place = places.shift()
    const inner = rendered(source, place.from, place.to, places)
    text += source.slice(copiedTo, place.from) + chosen(source, place, inner)
    copiedTo = place.to
  }
  return text + source.slice(copiedTo, to)
}

function chosen(source, { from, to, isStatement, isKey, mutants }, inner) {
  if (isStatement) return `{ if (!${ASK}(${mutants[0].id})) { ${inner}; } }`
  const variants = mutants.map((mutant) => {
    const text = source.slice(from, mutant.from) + mutant.replacement + source.slice(mutant.to, to)
    return `${ASK}(${mutant.id}) ? (${text}) : `
  })
  const [open, close] = isKey ? '[]' : '()'
  return `${open}${variants.join('')}${inner}${close}`
}

/**
 * @param mutants of this source, as `mutantsOf()` has them, each with an `id` from 1 on
 * @returns the text; the ids that can be chosen in it; and those of them whose code runs only while the file is loaded
 */
export function withChoices(source, mutants) {
  const tree = ts.createSourceFile('a.ts', source, ts.ScriptTarget.Latest, true)
  const places = placesOf(tree, mutants)
  const idsOf = (list) => list.flatMap((place) => place.mutants.map(({ id }) => id))
  const result = { ids: idsOf(places), ofFile: idsOf(places.filter((place) => place.isOfFile)) }
  return { text: rendered(source, 0, source.length, [...places]), ...result }
}
