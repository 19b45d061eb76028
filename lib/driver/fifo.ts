/** Number of taken items from which the array is cut; less often would hold on to memory, more often would cost time. */
const COMPACT_AT = 1024

/** A queue of constant cost per item, however long it is. */
export class Fifo<T> {
  private items: (T | undefined)[] = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(item: T): void {
    this.items.push(item)
  }

  shift(): T | undefined {
    if (this.head === this.items.length) return undefined
    const item = this.items[this.head]
    this.items[this.head] = undefined
    this.head += 1
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else if (this.head >= COMPACT_AT) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return item
  }
}
