import { cpus, totalmem } from 'node:os';
import Table from 'cli-table3';
import { type Figure, isMet, type Outcome } from './figures.ts';

/** What became of one benchmark. */
export interface Reported {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
  /** Undefined when it could not run; `problem` then says why. */
  readonly outcome: Outcome | undefined;
  readonly problem: string | undefined;
}

/** A table for people. */
export function tableOf({ name, title, outcome, problem }: Reported): string {
  const heading = `${name}: ${title}`;
  if (outcome === undefined) return `${heading}\n  could not run: ${problem ?? 'no reason is known'}`;
  const table = new Table({
    head: ['figure', 'value', 'unit', 'goal', ''],
    colAligns: ['left', 'right', 'left', 'left', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const figure of outcome.figures) {
    table.push([figure.name, rounded(figure.value), figure.unit, goalOf(figure), verdictOf(figure)]);
  }
  return [heading, table.toString(), ...outcome.notes.map((note) => `  ${note}`)].join('\n');
}

/** The figures for a program that compares runs, with the machine they were measured on. */
export function jsonOf(
  reports: readonly Reported[],
  run: { readonly quick: boolean; readonly load: number },
): string {
  const [processor] = cpus();
  const document = {
    date: new Date().toISOString(),
    quick: run.quick,
    machine: {
      cores: cpus().length,
      processor: processor?.model ?? 'unknown',
      memoryBytes: totalmem(),
      platform: `${process.platform} ${process.arch}`,
      node: process.version,
      /** Load average of the minute before the run: what other work wanted of the cores. */
      loadBefore: run.load,
    },
    benchmarks: reports.map(({ name, title, seconds, outcome, problem }) => ({
      name,
      title,
      seconds: Math.round(seconds),
      ...(outcome === undefined
        ? { problem }
        : {
            figures: outcome.figures.map((figure) => ({ ...figure, met: isMet(figure) })),
            notes: outcome.notes,
          }),
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function goalOf({ goal }: Figure): string {
  return goal === undefined ? '' : `${goal.kind} ${goal.value}`;
}

function verdictOf(figure: Figure): string {
  const met = isMet(figure);
  if (met === undefined) return '';
  return met ? 'met' : 'missed';
}

/** Three significant digits, and whole numbers whole. */
function rounded(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return value.toPrecision(3);
}
