/** Files that are packed: the service unpacks them, and the page does not look into them. */

const STARTS = [
  [0x1f, 0x8b], // gzip
  [0x28, 0xb5, 0x2f, 0xfd], // zstd
];

export async function isPacked(content: Blob): Promise<boolean> {
  const first = new Uint8Array(await content.slice(0, 4).arrayBuffer());
  return STARTS.some((start) => start.every((byte, at) => first[at] === byte));
}
