/** The end of a simulated process; documented in `testing.d.ts`. */
export class SimulatedCrash extends Error {
  constructor(
    readonly step: string,
    readonly phase: 'before' | 'after',
  ) {
    super(`a simulated crash ${phase} the record of step ${JSON.stringify(step)}`)
  }

  static {
    Object.defineProperty(this.prototype, 'name', {
      value: 'SimulatedCrash',
      writable: true,
      configurable: true,
    })
  }
}
