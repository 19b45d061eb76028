/**
 * Checks the rules for English in CONTRIBUTING.md that a program can check, in pages, comments, and the texts of errors and logs. A sentence
 * does not begin with a question word used as a noun, and does not say "whoever", "nobody" or "of ours". Except in texts, it has at most 25
 * words.
 */
import { ownFiles, read } from './files.mjs'

const MOST_WORDS = 25

/** Written by a program. */
const PROGRAM = 'lib/dashboard/assets.ts'

const withoutCode = (page) => page.replaceAll(/^ *```[\s\S]*?^ *```/gm, '\n').replaceAll(/<!--.*?-->/g, '')

/** Text as a reader sees it: links by their words, code as one word. */
const plain = (text) =>
  text
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/`[^`]*`/g, 'code')
    .replaceAll(/[*_]{1,2}(?=\S)|(?<=\S)[*_]{1,2}/g, '')

/** The paragraphs of a page: items of lists count as such. Tables are left out, as their cells are phrases. */
export function paragraphs(page) {
  const blocks = withoutCode(page)
    .replaceAll(/^#.*$/gm, '\n')
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/)
  return blocks
    .filter((block) => !block.trimStart().startsWith('|'))
    .map((block) => block.replace(/^\s*(?:[-*]|\d+\.) /, ''))
}

/**
 * Splits a paragraph into sentences. A sentence ends with a stop before a capital, a quote, a code word or the name of the package. A colon
 * or a semicolon ends none.
 */
export const sentences = (paragraph) =>
  plain(paragraph)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .split(/(?<=[.!?]["”)]?) (?=["“(]?[A-Z]|(?:code|durabl)\b)/)
    .filter((sentence) => sentence !== '')

const wordsIn = (sentence) => sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length

/** The texts of a source file: its string literals of three words or more, most of which are errors and lines of the log. */
export const texts = (source) =>
  [
    ...source
      .replaceAll(/^[ \t]*(\/\/|\/?\*).*$/gm, '')
      .matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g),
  ]
    .map(([, single, double, template]) => single ?? double ?? template)
    .filter((text) => wordsIn(text) >= 3)

const cut = (sentence) => (sentence.length > 70 ? `${sentence.slice(0, 70)}…` : sentence)

/** Complaints about the words of one sentence. */
const complaintsAboutWords = (sentence) => [
  ...(/^(What|Who|Whose|Whoever|How)\b(?!-)/.test(sentence) && /\.$/.test(sentence)
    ? [`the subject is a question word: ${cut(sentence)}`]
    : []),
  ...(/\b(whoever|nobody|of ours)\b/i.test(sentence.replaceAll(/"[^"]*"/g, ''))
    ? [`say which person or part: ${cut(sentence)}`]
    : []),
]

/** Complaints about one sentence. */
export function complaintsAbout(sentence) {
  const words = wordsIn(sentence)
  return [
    ...(words > MOST_WORDS ? [`${words} words, at most ${MOST_WORDS}: ${cut(sentence)}`] : []),
    ...complaintsAboutWords(sentence),
  ]
}

/** The comments of a source file: blocks, and lines that follow each other. Comments behind code are left out. */
function* commentsOf(source) {
  for (const [, block, lines] of source.matchAll(
    /^[ \t]*\/\*([\s\S]*?)\*\/|((?:^[ \t]*\/\/.*(?:\n|$))+)/gm,
  )) {
    if (block !== undefined) yield block.replace(/^\*/, '').replaceAll(/^[ \t]*\* ?/gm, '')
    else yield lines.replaceAll(/^[ \t]*\/\/[/!]? ?/gm, '')
  }
}

/** The comments of a source file, without their marks and examples, and with each tag, and each error of `@throws`, as a paragraph. */
export const comments = (source) =>
  [...commentsOf(source)].map((text) =>
    text
      .replaceAll(/^ {4,}\S.*$/gm, '')
      .replaceAll(/^\|.*$/gm, '')
      .replaceAll(/\{@link ([\w.]+)[^}]*\}/g, '$1')
      .replaceAll(/@throws [\s\S]*?(?=\n@|\n\s*\n|$)/g, (errors) => errors.replaceAll(';', '.\n\n'))
      .replaceAll(/^@(?=\w)/gm, '\n\n@'),
  )

/** Complaints about a text. */
function complaintsIn(text) {
  return paragraphs(text)
    .flatMap(sentences)
    .flatMap((sentence) => complaintsAbout(sentence))
}

export async function checkProse() {
  const files = await ownFiles()
  const sources = files.filter((file) => /\.(c|m)?(j|t)sx?$|\.rs$/.test(file) && file !== PROGRAM)
  const pages = files.filter((file) => file.endsWith('.md'))
  const found = [
    ...sources.map((file) => [file, complaintsIn(comments(read(file)).join('\n\n'))]),
    ...sources
      .filter((file) => /^(lib|src|engine\/src)\//.test(file))
      .map((file) => [file, texts(read(file)).flatMap(complaintsAboutWords)]),
    ...pages.map((file) => [file, complaintsIn(read(file))]),
  ]
  return found.flatMap(([file, complaints]) => complaints.map((complaint) => `${file}: ${complaint}`))
}
