import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { refuseUnexplained } from '../release/build.ts';
import { check, judge } from '../release/compliance.ts';
import { replaceDirectory } from '../release/directory.ts';
import { synthesiseStacks } from '../release/synthesis.ts';
import { cellAcknowledgements } from './acknowledgements.ts';
import { type CellStacks, cellStacks } from './cell-app.ts';

type CellStackName = keyof CellStacks['stacks'];

export interface BuiltCell {
  /** Absolute. */
  readonly directory: string;
  readonly stacks: readonly { readonly name: string; readonly file: string; readonly bytes: number }[];
  readonly acknowledged: number;
}

/**
 * Synthesises, checks and writes the templates of a cell, by the same rules as a release.
 * @throws ReleaseError when a check finds something unexplained, or `out` is in other use.
 */
export function buildCell(out: string): Promise<BuiltCell> {
  return replaceDirectory(out, 'cell-report.json', async (folder) => {
    const { templates, ...made } = synthesiseStacks<CellStackName, CellStacks>((outdir) =>
      cellStacks({ outdir }),
    );
    const compliance = judge(check({ ...made, templates }), cellAcknowledgements);
    refuseUnexplained(compliance);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'cell-report.json'), `${JSON.stringify(compliance, undefined, 2)}\n`);
    const stacks = Object.entries(templates).map(([name, { body }]) => {
      const file = `${name}.template.json`;
      writeFileSync(join(folder, file), body);
      return { name, file, bytes: Buffer.byteLength(body) };
    });
    return { directory: resolve(out), stacks, acknowledged: compliance.counts.acknowledged };
  });
}
