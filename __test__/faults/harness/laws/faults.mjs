/** That a run has shown anything: what was to go wrong did, and not only by its name. */

const overlap = (one, other) => one.at < other.until && other.at < one.until

function* pairs(items) {
  for (const [n, one] of items.entries()) for (const other of items.slice(n + 1)) yield [one, other]
}

export const faultsHappen = {
  says: 'every kind of fault that a run is about has an effect, and those that are to come at once do',
  *broken({ settings, faults, figures }) {
    const { schedule = [], atOnce = 1, shows = [], isMixed = false } = settings
    const real = faults.filter(({ effect }) => effect > 0)
    const kinds = [...new Set(schedule.map(({ name }) => name))]
    const idle = kinds.filter((name) => !real.some(({ fault }) => fault === name))
    // Of a mixture one may leave another nothing to do: no write is late while there is no primary.
    if (idle.length > (isMixed ? kinds.length / 2 : 0))
      for (const name of idle)
        yield [`"${name}" was to happen, and had no effect`, faults.filter(({ fault }) => fault === name)]
    const isTogether = ([one, other]) => one.fault !== other.fault && overlap(one, other)
    if (schedule.length > 0 && atOnce > 1 && ![...pairs(real)].some(isTogether))
      yield ['several faults were to come at once, and none did', real]
    for (const name of shows) if (!(figures[name] > 0)) yield [`there were no ${name}: that shows nothing`]
  },
}
