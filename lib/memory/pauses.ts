/** The paused types: no job of them is claimed. */
export class Pauses {
  private readonly types = new Set<string>()

  has(type: string): boolean {
    return this.types.has(type)
  }

  /** False if it was paused already. */
  pause(type: string): boolean {
    const { size } = this.types
    return this.types.add(type).size > size
  }

  /** False if it was not paused. */
  resume(type: string): boolean {
    return this.types.delete(type)
  }

  clear(): void {
    this.types.clear()
  }
}
