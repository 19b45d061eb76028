/** Faults of servers and processes bring no other process down. */

export const nobodyFalls = {
  says: 'a process ends only if it was killed or asked to, and then in good order',
  *broken({ ends }) {
    for (const { by, fate, code, signal, stderr } of ends) {
      if (!fate) yield [`${by} ended by itself, with ${code ?? signal}`, stderr]
      else if (fate === 'asked to end' && code !== 0)
        yield [`${by} was asked to end and did with ${code ?? signal}`, stderr]
      else if (stderr) yield [`${by} had something to say to standard error`, stderr]
    }
  },
}
