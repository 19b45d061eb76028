/** Cuts BSON documents that lie end to end: each begins with its own length, as a 32-bit little-endian integer. */
export function splitDocuments(documents: Buffer): Uint8Array[] {
  const parts: Uint8Array[] = []
  let offset = 0
  while (offset < documents.length) {
    const end = offset + documents.readInt32LE(offset)
    if (end <= offset) break
    parts.push(documents.subarray(offset, end))
    offset = end
  }
  return parts
}
