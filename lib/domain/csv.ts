import { stringify } from 'csv-stringify/sync';

/** Of each column its name and what stands in it: numbers as they are, nothing for null. */
export type CsvColumns<Row> = Readonly<Record<string, (row: Row) => string | number | null>>;

/**
 * A table as CSV (RFC 4180), with its names in the first line also when it is empty. Text that a spreadsheet would take for a formula gets an
 * apostrophe in front (OWASP, "CSV Injection"); amounts below 0 stay numbers.
 */
export function csvOf<Row>(columns: CsvColumns<Row>, rows: readonly Row[]): string {
  const cells = Object.values(columns);
  const lines = rows.map((row) => cells.map((cell) => cell(row)));
  return stringify([Object.keys(columns), ...lines], {
    record_delimiter: 'windows',
    // Readers end a row at a lone CR or LF too.
    quote_record_delimiter: true,
    escape_formulas: true,
  });
}
