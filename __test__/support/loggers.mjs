/** A logger that keeps what it was given. */
export function recordingLogger() {
  const entries = []
  const at = (level) => (fields, message) => {
    entries.push(typeof fields === 'string' ? { level, message: fields } : { level, ...fields, message })
  }
  return {
    entries,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    at: (level) => entries.filter((entry) => entry.level === level),
  }
}

const ignore = () => {}

/** A logger for tests in which failures are expected and their reports are not the point. */
export const silentLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
