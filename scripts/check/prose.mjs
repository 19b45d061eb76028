/**
 * The rules for English in CONTRIBUTING.md that can be checked: pages and public types have sentences of at most 25 words, none of which begins
 * with a question word used as a noun, and none of which says "whoever", "nobody" or "of ours".
 */
import { ownFiles, read } from './files.mjs'

const MOST_WORDS = 25

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
 * A sentence ends with a stop before a capital, a quote, a code word or the name of the package; a colon or a semicolon begins another
 * thought, and is no end.
 */
export const sentences = (paragraph) =>
  plain(paragraph)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .split(/(?<=[.!?]["”)]?) (?=["“(]?[A-Z]|(?:code|durabl)\b)/)
    .filter((sentence) => sentence !== '')

const wordsIn = (sentence) => sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length

/** Complaints about one sentence. */
export function complaintsAbout(sentence) {
  const words = wordsIn(sentence)
  const shown = sentence.length > 70 ? `${sentence.slice(0, 70)}…` : sentence
  return [
    ...(words > MOST_WORDS ? [`${words} words, at most ${MOST_WORDS}: ${shown}`] : []),
    ...(/^(What|Who|Whose|Whoever|How)\b(?!-)/.test(sentence) && /\.$/.test(sentence)
      ? [`the subject is a question word: ${shown}`]
      : []),
    ...(/\b(whoever|nobody|of ours)\b/i.test(sentence.replaceAll(/"[^"]*"/g, ''))
      ? [`say which person or part: ${shown}`]
      : []),
  ]
}

/** The doc comments of a file, as paragraphs: without their marks, and with each tag, and each error of `@throws`, by itself. */
export const docComments = (source) =>
  [...source.matchAll(/\/\*\*([\s\S]*?)\*\//g)].map(([, text]) =>
    text
      .replaceAll(/^[ \t]*\* ?/gm, '')
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
  const types = files.filter((file) => /^(types\/.*|[a-z]+)\.d\.ts$/.test(file))
  const pages = files.filter((file) => file.endsWith('.md'))
  const found = [
    ...types.map((file) => [file, complaintsIn(docComments(read(file)).join('\n\n'))]),
    ...pages.map((file) => [file, complaintsIn(read(file))]),
  ]
  return found.flatMap(([file, complaints]) => complaints.map((complaint) => `${file}: ${complaint}`))
}
