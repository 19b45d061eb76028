/**
 * Checks the texts that an editor shows on hover: every public export, member and overload must have one. The check asks the language
 * service that editors ask. So inherited documentation counts, and documentation that the service does not find does not.
 */
import { join, relative } from 'node:path'
import { root } from '../process.mjs'

const ENTRY = join(root, 'index.d.ts')

/** Loaded late: the gate must be loadable before the dependencies are there. */
let ts

function languageService() {
  const options = {
    ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16, strict: true, skipLibCheck: true },
    ...{ moduleResolution: ts.ModuleResolutionKind.Node16, types: ['node'] },
  }
  return ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [ENTRY],
    getScriptVersion: () => '1',
    getScriptSnapshot: (file) => ts.ScriptSnapshot.fromString(ts.sys.readFile(file) ?? ''),
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  })
}

const isExported = (node) =>
  ts.canHaveModifiers(node) &&
  ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true

/** Where a declaration's name stands, or what stands for one. */
function nameOf(node) {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations[0].name
  return node.name ?? node.getChildren().find((child) => child.kind === ts.SyntaxKind.ConstructorKeyword)
}

/** The public names in a file, each with what it belongs to: `['JobQueue.enqueue', node]`. */
function* publicNames(node, owner = null) {
  const isMember = ts.isClassElement(node) || ts.isTypeElement(node)
  const own = isMember || isExported(node) ? nameOf(node) : undefined
  const path = own ? [owner, own.getText()].filter(Boolean).join('.') : owner
  if (own) yield [path, own]
  const children = []
  node.forEachChild((child) => void children.push(child))
  // The parameters and results of a function are part of its own documentation.
  if (ts.isParameter(node)) return
  for (const child of children) yield* publicNames(child, path)
}

function isDocumented(service, name) {
  // Of a symbol in brackets the service would tell what the symbol is.
  if (ts.isComputedPropertyName(name)) return ts.getJSDocCommentsAndTags(name.parent).length > 0
  const info = service.getQuickInfoAtPosition(name.getSourceFile().fileName, name.getStart())
  return ts.displayPartsToString(info?.documentation).trim() !== ''
}

/** The files of the contract: the entry, and those that it exports from. */
const contractFiles = (service) =>
  service
    .getProgram()
    .getSourceFiles()
    .filter(({ fileName }) => /^(index\.d\.ts|types[\\/].+)$/.test(relative(root, fileName)))

export async function checkHover() {
  ts = (await import('typescript')).default
  const service = languageService()
  const complaints = []
  let names = 0
  for (const source of contractFiles(service)) {
    for (const [path, name] of publicNames(source)) {
      names += 1
      if (isDocumented(service, name)) continue
      const { line } = source.getLineAndCharacterOfPosition(name.getStart())
      const place = `${relative(root, source.fileName)}:${line + 1}`
      complaints.push(`${place}: an editor has nothing to show for ${path}`)
    }
  }
  // A check that finds nothing to check would pass for ever.
  return names > 200 ? complaints : [`only ${names} public names were found behind index.d.ts`]
}
