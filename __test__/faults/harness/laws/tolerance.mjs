/** By how much a server's time of a write, which is in whole milliseconds, and a process's may disagree about one moment. */
export const TOLERANCE_MS = 3
