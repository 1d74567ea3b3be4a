/** Words that came over the wire, made safe for a terminal: no control characters, no escape sequences. */
export const clean = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();

/**
 * Long names by their telling part, for a table: of an ARN the resource, of an id or a digest the start. Never for
 * values that differ: what tells them apart may be what is left out.
 */
export const brief = (text: string): string =>
  text
    .replace(/\barn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:\d*:/g, '')
    .replace(/\b([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '$1…')
    .replace(/\b((?:vpc|subnet|sg)-[0-9a-f]{8})[0-9a-f]{9}\b/g, '$1…')
    .replace(/\b(mrk-[0-9a-f]{8})[0-9a-f]{24}\b/g, '$1…')
    .replace(/\b(loadbalancer\/\w+\/[\w-]+)\/[0-9a-f]{16}\b/g, '$1')
    .replace(/\b(sha256:[0-9a-f]{8})[0-9a-f]{56}\b/g, '$1…');

const units = [
  { seconds: 86_400, name: 'd' },
  { seconds: 3_600, name: 'h' },
  { seconds: 60, name: 'min' },
] as const;

/** `12 s ago`, `5 min ago`, `3 d ago`; `in 90 d` for what is to come, to the nearest; `-` for never. */
export function relative(time: string | null, now: Date): string {
  if (time === null) return '-';
  const seconds = Math.round((now.getTime() - Date.parse(time)) / 1_000);
  const size = Math.abs(seconds);
  const unit = units.find((each) => size >= each.seconds);
  const round = seconds < 0 ? Math.round : Math.floor;
  const words = unit === undefined ? `${size} s` : `${round(size / unit.seconds)} ${unit.name}`;
  return seconds < 0 ? `in ${words}` : `${words} ago`;
}

/** `41 s`, `2 min 05 s`, `6 h 00 min`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (count: number) => String(count % 60).padStart(2, '0');
  return minutes < 60
    ? `${minutes} min ${two(seconds)} s`
    : `${Math.floor(minutes / 60)} h ${two(minutes)} min`;
}

const nanoPerCent = 10_000_000;

/** Dollars with two digits, rounded half up; in integers, because a cent is not a binary fraction. */
export function cents(nanoUsd: number): string {
  const rounded = Math.floor((nanoUsd + nanoPerCent / 2) / nanoPerCent);
  return `${Math.floor(rounded / 100)}.${String(rounded % 100).padStart(2, '0')}`;
}

/** Lines of at most `width` characters, broken at spaces and, where a word is longer than that, behind punctuation. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (line.length > width) {
      const end = breakOf(line, width);
      lines.push(line.slice(0, end));
      line = line.slice(end);
    }
  }
  return [...lines, line];
}

/** Where to break a word that is too long: behind its last punctuation mark in the second half of the line. */
function breakOf(word: string, width: number): number {
  const mark = /^.*[-/:.,_]/.exec(word.slice(0, width))?.[0].length ?? 0;
  return mark > width / 2 ? mark : width;
}

/** The shortest start of each id, 8 characters or more, that no other of them shares. */
export function shortIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const sorted = [...ids].sort();
  return new Map(
    sorted.map((id, place) => {
      const shared = Math.max(sharedStart(id, sorted[place - 1]), sharedStart(id, sorted[place + 1]));
      return [id, id.slice(0, Math.max(8, shared + 1))];
    }),
  );
}

function sharedStart(one: string, other = ''): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
