/** The mutants of a TypeScript source, by its syntax alone. */
import ts from 'typescript'

const K = ts.SyntaxKind

/** Operators and their replacements. Replacements that the compiler finds, or that mean the same, are left out. */
const OPERATORS = new Map([
  [K.LessThanToken, ['<=', '>=']],
  [K.LessThanEqualsToken, ['<', '>']],
  [K.GreaterThanToken, ['>=', '<=']],
  [K.GreaterThanEqualsToken, ['>', '<']],
  [K.EqualsEqualsEqualsToken, ['!==']],
  [K.ExclamationEqualsEqualsToken, ['===']],
  [K.EqualsEqualsToken, ['!=']],
  [K.ExclamationEqualsToken, ['==']],
  [K.AmpersandAmpersandToken, ['||']],
  [K.BarBarToken, ['&&']],
  [K.PlusToken, ['-']],
  [K.MinusToken, ['+']],
  [K.AsteriskToken, ['/']],
  [K.SlashToken, ['*']],
  [K.PercentToken, ['*']],
  [K.PlusEqualsToken, ['-=']],
  [K.MinusEqualsToken, ['+=']],
  [K.QuestionQuestionEqualsToken, ['=']],
])

/** Methods whose call can be left out, with what they were called on in its place. */
const PASSING = new Set(['filter', 'slice', 'sort', 'toSorted', 'reverse', 'trim', 'unref', 'bind'])

const EXCHANGED_CALLS = new Map([
  ['Math.min', 'Math.max'],
  ['Math.max', 'Math.min'],
  ['Math.floor', 'Math.ceil'],
  ['Math.ceil', 'Math.floor'],
])

const isCondition = (node) => ts.isIfStatement(node) || ts.isConditionalExpression(node)

/** Text in a sum is no number: `-` would be found by everybody. */
const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)

const isDefault = (node) => ts.isBinaryExpression(node) && node.operatorToken.kind === K.QuestionQuestionToken

function* ofBinary(node) {
  const { operatorToken, left, right, parent } = node
  // As a condition it is true and false in turn, which is more.
  if (isCondition(parent) && /^[!=]==?$/.test(operatorToken.getText())) return
  if (operatorToken.kind === K.PlusToken && (isText(left) || isText(right))) return
  for (const is of OPERATORS.get(operatorToken.kind) ?? []) yield [operatorToken, is]
  if (operatorToken.kind !== K.QuestionQuestionToken) return
  // `??` and `&&` may not stand side by side.
  if (isDefault(parent) || isDefault(left)) yield [node, left.getText()]
  else yield [operatorToken, '&&']
}

function* ofCall(node) {
  const called = node.expression
  const exchanged = EXCHANGED_CALLS.get(called.getText())
  if (exchanged) yield [called, exchanged]
  if (ts.isPropertyAccessExpression(called) && PASSING.has(called.name.text)) {
    yield [node, called.expression.getText()]
  }
}

/** All that an `if` does: without it, the condition might as well be false. */
const isAllOfIf = ({ parent }) =>
  ts.isIfStatement(parent) ||
  (ts.isBlock(parent) && parent.statements.length === 1 && ts.isIfStatement(parent.parent))

/** Statements that can be left out without a trace in the types. */
const isRemovable = (node) => isStatementToRemove(node) && !isAllOfIf(node)

const isStatementToRemove = (node) =>
  (ts.isExpressionStatement(node) && !isSuperCall(node.expression)) ||
  ts.isThrowStatement(node) ||
  ts.isBreakStatement(node) ||
  ts.isContinueStatement(node) ||
  (ts.isReturnStatement(node) && (!node.expression || isEarly(node)))

const isSuperCall = (node) => ts.isCallExpression(node) && node.expression.kind === K.SuperKeyword

/** A return that others may follow. */
const isEarly = ({ parent }) => ts.isCaseOrDefaultClause(parent)

function* ofNode(node) {
  if (ts.isBinaryExpression(node)) yield* ofBinary(node)
  else if (ts.isPrefixUnaryExpression(node) && node.operator === K.ExclamationToken)
    yield [node, node.operand.getText()]
  else if (ts.isIfStatement(node))
    yield* [
      [node.expression, 'true'],
      [node.expression, 'false'],
    ]
  else if (ts.isWhileStatement(node)) yield [node.expression, 'false']
  else if (ts.isConditionalExpression(node))
    yield* [
      [node.condition, 'true'],
      [node.condition, 'false'],
    ]
  else if (ts.isForStatement(node) && node.condition) yield [node.condition, 'false']
  else if (ts.isCallExpression(node)) yield* ofCall(node)
  else if (node.kind === K.TrueKeyword) yield [node, 'false']
  else if (node.kind === K.FalseKeyword) yield [node, 'true']
  else if (ts.isNumericLiteral(node))
    yield [node, String(Number(node.text.replaceAll('_', '')) === 0 ? 1 : 0)]
  else if (ts.isAwaitExpression(node) && ts.isExpressionStatement(node.parent))
    yield [node, `void ${node.expression.getText()}`]
  if (isRemovable(node)) yield [node, ';']
}

/** Nothing of these is there when the program runs. */
const isErased = (node) =>
  ts.isImportDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isTypeNode(node)

/**
 * @param file its path, as it is reported
 * @returns for each mutant the place in the source, what was there, and what is there instead
 */
export function mutantsOf(file, source) {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true)
  const found = []
  const visit = (node) => {
    if (isErased(node)) return
    for (const [place, is] of ofNode(node)) {
      const [from, to] = [place.getStart(tree), place.getEnd()]
      const line = tree.getLineAndCharacterOfPosition(from).line + 1
      found.push({ file, line, from, to, ...inContext(node, place, is) })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

const oneLine = (text) => text.replaceAll(/\s+/g, ' ').trim()

/** Shows a change that is too short to be recognised with the code around it. */
const SHORT = 40

const isWhole = (node) =>
  ts.isBlock(node) || ts.isSourceFile(node) || ts.isClassLike(node) || ts.isFunctionLike(node)

/** The code before and after the change, with enough around it to be recognised. */
function inContext(node, place, replacement) {
  let around = node
  while (around.getWidth() < SHORT && !isWhole(around.parent)) around = around.parent
  const text = around.getText()
  const start = place.getStart() - around.getStart()
  const is = `${text.slice(0, start)}${replacement}${text.slice(start + place.getWidth())}`
  return { replacement, was: oneLine(text).slice(0, 300), is: oneLine(is).slice(0, 300) }
}
