/**
 * Many mutants of a Rust source in one text. Each function becomes a choice between the original and its mutants, and the variable
 * DURABL_MUTANT chooses at run time. So all mutants are compiled once; compiling each by itself would take most of the time. A function's
 * number is that of its first mutant. The file that DURABL_MUTANTS_REACHED names gets the numbers of all functions that run.
 */

/** Where the functions ask which mutant is on, and say that they run; added to the crate's root. */
export const SWITCH = `
mod mutant_switch {
    use std::{
        collections::HashSet,
        io::Write,
        sync::{LazyLock, Mutex},
    };

    static ACTIVE: LazyLock<u32> =
        LazyLock::new(|| std::env::var("DURABL_MUTANT").ok().and_then(|id| id.parse().ok()).unwrap_or(0));

    /// The file that names the functions that ran, if one is asked for, and those that it names.
    static REACHED: LazyLock<Option<Mutex<(std::fs::File, HashSet<u32>)>>> = LazyLock::new(|| {
        let path = std::env::var_os("DURABL_MUTANTS_REACHED")?;
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path).ok()?;
        Some(Mutex::new((file, HashSet::new())))
    });

    pub(crate) fn active(function: u32) -> u32 {
        if let Some(reached) = &*REACHED {
            let mut reached = reached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if reached.1.insert(function) {
                _ = writeln!(reached.0, "{function}");
            }
        }
        *ACTIVE
    }
}
`

/** The place in the text of a line and column that count from 1. Columns count characters, not UTF-16 units. */
function placeOf(lines, { line, column }) {
  let place = 0
  for (let n = 0; n < line - 1; n += 1) place += lines[n].length + 1
  return place + [...lines[line - 1]].slice(0, column - 1).join('').length
}

function rangeOf(lines, { start, end }) {
  return [placeOf(lines, start), placeOf(lines, end)]
}

/** Where the body of a function begins: behind the first brace outside of parentheses and brackets. */
function bodyStart(text) {
  let depth = 0
  for (let place = 0; place < text.length; place += 1) {
    if ('(['.includes(text[place])) depth += 1
    if (')]'.includes(text[place])) depth -= 1
    if (text[place] === '{' && depth === 0) return place + 1
  }
  return null
}

/** The mutants by their functions, without those whose choice can't be made at run time. */
function byFunction(source, mutants) {
  const lines = source.split('\n')
  const functions = new Map()
  for (const mutant of mutants) {
    if (mutant.function === null) continue
    const [from, to] = rangeOf(lines, mutant.function.span)
    const text = source.slice(from, to)
    const start = bodyStart(text)
    if (start === null || /\bconst fn\b/.test(text.slice(0, start))) continue
    const known = functions.get(from) ?? { bodyFrom: from + start, bodyTo: to - 1, mutants: [] }
    known.mutants.push({ mutant, range: rangeOf(lines, mutant.span) })
    functions.set(from, known)
  }
  const all = [...functions.values()].sort((one, other) => one.bodyFrom - other.bodyFrom)
  // A function within another one is a part of that one's body.
  return all.filter(
    (inner) => !all.some((outer) => outer.bodyFrom < inner.bodyFrom && inner.bodyTo < outer.bodyTo),
  )
}

/**
 * Puts these mutants into the source.
 *
 * @param mutants of this source, as `cargo mutants --list --json` has them, each with an `id` from 1 on
 * @returns the text, and as `places` the lines that its mutants take up there: `{ ids, first, last }`. Lines of a mutant stand before those of its whole
 *   function, since the choice itself may not compile. `functions` has the ids of each function's mutants
 */
export function switched(source, mutants) {
  const places = []
  const functions = []
  let text = ''
  let copiedTo = 0
  const lineNow = () => text.split('\n').length
  for (const { bodyFrom, bodyTo, mutants: own } of byFunction(source, mutants)) {
    const functionFirst = lineNow()
    const ids = own.map(({ mutant }) => mutant.id)
    text += `${source.slice(copiedTo, bodyFrom)} match crate::mutant_switch::active(${ids[0]}) {\n`
    for (const {
      mutant: { id, replacement },
      range: [from, to],
    } of own) {
      const first = lineNow()
      text += `${id} => {${source.slice(bodyFrom, from)}${replacement}${source.slice(to, bodyTo)}}\n`
      places.push({ ids: [id], first, last: lineNow() - 1 })
    }
    text += `_ => {${source.slice(bodyFrom, bodyTo)}} } `
    places.push({ ids, first: functionFirst, last: lineNow() })
    functions.push(ids)
    copiedTo = bodyTo
  }
  return { text: text + source.slice(copiedTo), places, functions }
}
