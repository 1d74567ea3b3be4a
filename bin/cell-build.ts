/**
 * `npm run cell:build -- --out DIR`: synthesises and checks the stacks that a cell needs before its first practice.
 * Exit status: 0 built, 1 refused (the message says why), 2 wrong usage.
 */
import { parseArgs } from 'node:util';
import { ReleaseError } from '../stacks/release/release-error.ts';

const usage = `Usage: npm run cell:build -- --out <directory>

Writes the templates of a cell, lumenality-cell and lumenality-cell-copies, with the report of their checks.
Nothing is written unless every finding is acknowledged in stacks/cell/acknowledgements.ts.
docs/cell.md says how to deploy them.`;

function outOf(): string | undefined {
  try {
    const { values } = parseArgs({ options: { out: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help === true) {
      console.log(usage);
      process.exit(0);
    }
    return values.out;
  } catch (error) {
    console.error((error as Error).message);
    return undefined;
  }
}

const out = outOf();
if (out === undefined) {
  console.error(usage);
  process.exit(2);
}
try {
  // Loaded here: wrong usage answers without CDK, which takes a second to load.
  const { buildCell } = await import('../stacks/cell/build.ts');
  const { directory, stacks, acknowledged } = await buildCell(out);
  for (const { name, file, bytes } of stacks) console.log(`${name}  ${directory}/${file}  ${bytes} bytes`);
  console.log(
    `Findings  ${acknowledged} acknowledged, each with its reason in cell-report.json; none unexplained`,
  );
} catch (error) {
  console.error(error instanceof ReleaseError ? error.message : error);
  process.exitCode = 1;
}
