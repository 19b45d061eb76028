/** The job class of Sidequest's adapter. */
import { Job } from 'sidequest'

let handle = () => {}

export function handledBy(handler) {
  handle = handler
}

export class BenchJob extends Job {
  async run(data) {
    await handle(data)
  }
}
