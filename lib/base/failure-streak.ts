import type { SafeLogger } from './logger'

/** From this length on a streak of failures is no hiccup. */
const ERROR_AT = 5

/**
 * Reports failures of an activity that is retried for ever, without flooding the log. Each of the first failures is a warning, and the fifth in
 * a row is one error. Those after it are silent until the activity works again.
 */
export class FailureStreak {
  private failures = 0

  constructor(
    private readonly logger: SafeLogger,
    /** The failing activity, as the start of a sentence: `'claiming jobs'`. */
    private readonly what: string,
    private readonly fields: Record<string, unknown>,
  ) {}

  /** The number of failures in a row. */
  get length(): number {
    return this.failures
  }

  failed(err: unknown): void {
    this.failures += 1
    const fields = { ...this.fields, err, failures: this.failures }
    if (this.failures < ERROR_AT) this.logger.warn(fields, `${this.what} failed; it is tried again`)
    else if (this.failures === ERROR_AT) {
      this.logger.error(
        fields,
        `${this.what} keeps failing; it is tried again until it works, without further reports`,
      )
    } else this.logger.debug(fields, `${this.what} still fails`)
  }

  succeeded(): void {
    if (this.failures >= ERROR_AT)
      this.logger.info({ ...this.fields, failures: this.failures }, `${this.what} works again`)
    this.failures = 0
  }
}
