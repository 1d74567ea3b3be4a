import { csvOf } from '../../lib/domain/csv.ts';

/** The lines of a table of one column, as they are written. */
const written = (...texts: (string | number | null)[]) =>
  csvOf<string | number | null>({ text: (text) => text }, texts);

test('what would end a row or a cell is quoted: no text makes a row of its own', () => {
  expect(written('one,two', 'as "agreed"', 'a\r\nb', 'a\nforged', 'a\rforged')).toBe(
    'text\r\n"one,two"\r\n"as ""agreed"""\r\n"a\r\nb"\r\n"a\nforged"\r\n"a\rforged"\r\n',
  );
});

test('what a spreadsheet would take for a formula is text, and a number stays one', () => {
  expect(written('=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '＝1', -1, null, 'é – 診療所')).toBe(
    "text\r\n'=1+1\r\n'+1\r\n'-1\r\n'@SUM(A1)\r\n'\t=1\r\n'＝1\r\n-1\r\n\r\né – 診療所\r\n",
  );
});

test('a table without rows has its names', () => {
  expect(written()).toBe('text\r\n');
});
