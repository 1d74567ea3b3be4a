/** IPv4 blocks in CIDR notation (RFC 4632), as numbers. */

export interface Block {
  readonly first: number;
  readonly size: number;
  readonly prefix: number;
}

/** The block, or undefined for what is not one or has bits set beyond its prefix. */
export function parseCidr(text: string): Block | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [a = 256, b = 256, c = 256, d = 256, prefix = 33] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefix > 32) return undefined;
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - prefix);
  return first % size === 0 ? { first, size, prefix } : undefined;
}

export function contains(outer: Block, inner: Block): boolean {
  return inner.first >= outer.first && inner.first + inner.size <= outer.first + outer.size;
}

export function overlap(one: Block, other: Block): boolean {
  return one.first < other.first + other.size && other.first < one.first + one.size;
}

function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** AWS keeps the first four addresses and the last one of every subnet ("Subnet CIDR blocks"). */
export const reservedAddresses = 5;

/** The lowest address of a subnet that is neither reserved nor taken. */
export function freeAddress(subnet: Block, taken: ReadonlySet<string>): string | undefined {
  for (let at = 4; at < subnet.size - 1; at += 1) {
    const address = addressText(subnet.first + at);
    if (!taken.has(address)) return address;
  }
  return undefined;
}
