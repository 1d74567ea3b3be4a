import Table from 'cli-table3';
import type { Output } from './output.ts';
import { clean, wrap } from './text.ts';

export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

const gap = 2;
const narrowest = 8;
/** Columns narrower than this are left alone as long as the row can be made to fit otherwise. */
const comfortable = 12;
/** Words up to the first length stay whole as long as the first column can give way instead, up to the second always if it can be. */
const wholeIfPossible = 40;
const wholeIfAnyhow = 20;
const noBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/**
 * A table that fits the screen: where the rows are wider, the widest columns wrap, between words as long as that will
 * do. Nothing is cut off, because a cut reason is of no use to anybody.
 */
export function table(output: Output, head: readonly string[], rows: ReadonlyArray<readonly Cell[]>): string {
  const plain = rows.map((row) => row.map((cell) => clean(typeof cell === 'string' ? cell : cell.text)));
  const widths = fit(
    head.map((name, column) => [name, ...plain.map((row) => row[column] ?? '')]),
    output.width - gap * (head.length - 1),
  );
  const drawn = new Table({
    chars: noBorders,
    style: { 'padding-left': 0, 'padding-right': gap, head: [], border: [], compact: true },
  });
  const draw = (text: string, column: number, paint: (text: string) => string) =>
    wrap(text, widths[column] ?? narrowest)
      .map((line) => (line === '' ? line : paint(line)))
      .join('\n');
  drawn.push(head.map((name, column) => draw(name, column, output.colours.bold)));
  for (const [place, row] of rows.entries()) {
    drawn.push(
      row.map((cell, column) =>
        draw(plain[place]?.[column] ?? '', column, typeof cell === 'string' ? (text) => text : cell.paint),
      ),
    );
  }
  return trimmed(drawn.toString());
}

/** Two columns without a head: what a thing is, one field a line. */
export function fields(output: Output, rows: ReadonlyArray<readonly [name: string, value: Cell]>): string {
  const names = Math.max(...rows.map(([name]) => name.length));
  return rows
    .flatMap(([name, value]) => {
      const text = clean(typeof value === 'string' ? value : value.text);
      const paint = typeof value === 'string' ? (line: string) => line : value.paint;
      return wrap(text, output.width - names - gap).map((line, place) => {
        const label = (place === 0 ? name : '').padEnd(names + gap);
        return `${output.colours.dim(label)}${line === '' ? line : paint(line)}`;
      });
    })
    .join('\n');
}

/**
 * Takes from the widest column until the row fits. The first column, which names the row, is made narrower only when it
 * must be, and words, its own last, are broken when nothing else is left.
 */
function fit(columns: ReadonlyArray<readonly string[]>, available: number): number[] {
  const widths = columns.map((cells) => Math.max(...cells.map((text) => text.length)));
  const words = columns.map((cells) =>
    Math.max(...cells.flatMap((text) => text.split(' ')).map((word) => word.length)),
  );
  const wholeWords = (column: number, longest: number) =>
    Math.max(comfortable, Math.min(words[column] ?? 0, longest));
  const floors = [
    (column: number) => (column === 0 ? Number.POSITIVE_INFINITY : wholeWords(column, wholeIfPossible)),
    (column: number) => wholeWords(column, wholeIfPossible),
    (column: number) => wholeWords(column, column === 0 ? wholeIfPossible : wholeIfAnyhow),
    (column: number) => (column === 0 ? wholeWords(column, wholeIfPossible) : comfortable),
    () => narrowest,
  ];
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  for (const floorOf of floors) {
    while (excess > 0) {
      const spare = widths.map((width, column) => (width > floorOf(column) ? width : 0));
      const widest = spare.indexOf(Math.max(...spare));
      if (spare[widest] === 0) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
      excess -= 1;
    }
  }
  return widths;
}

const trimmed = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
