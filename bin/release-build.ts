/**
 * `npm run release:build -- --out DIR`: synthesises, checks and writes one release.
 * Exit status: 0 built, 1 refused (the message says why), 2 wrong usage, 130 interrupted.
 */
import Table from 'cli-table3';
import { Command, CommanderError } from 'commander';
import type { ReleaseManifest } from '../lib/domain/release.ts';
import { components } from '../lib/domain/release.ts';
import type { BuiltRelease } from '../stacks/release/build.ts';
import { ReleaseError } from '../stacks/release/release-error.ts';

interface Options {
  readonly out: string;
  readonly image?: string;
  readonly cell?: string;
  readonly json?: boolean;
}

const program = new Command('release:build')
  .description(
    'Build a release: the templates of a silo, the practice app, the compliance report and release.json.\n' +
      'Nothing is written unless every finding of the checks is acknowledged in stacks/acknowledgements.ts.',
  )
  .requiredOption('--out <directory>', 'where to write it; new, empty, or a release to replace')
  .option(
    '--image <repository@digest>',
    'name this image, already in the registry, instead of the bundled one',
  )
  .option('--cell <directory>', 'build the stacks of a cell too, as cell:build does, for little more time')
  .option('--json', 'print one JSON object for scripts')
  .addHelpText(
    'after',
    '\nExamples:\n' +
      '  npm run release:build -- --out build/release\n' +
      '  npm run release:build -- --out build/release --image lumenality/practice-app@sha256:<digest>\n',
  )
  .allowExcessArguments(false)
  .exitOverride()
  .action(run);

// Through `exit`, so that what was begun is removed. 128 and the signal's number, as shells report it.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = failed(error);
}

async function run({ out, image, cell, json }: Options): Promise<void> {
  // Loaded here: --help and wrong usage answer without CDK, which takes a second to load.
  const { buildRelease } = await import('./build-release.ts');
  const release = await buildRelease({ out, image });
  if (cell !== undefined) await (await import('../stacks/cell/build.ts')).buildCell(cell);
  console.log(json === true ? JSON.stringify(summary(release)) : table(release));
}

function summary({ directory, manifest, resources }: BuiltRelease<ReleaseManifest>): object {
  return {
    id: manifest.id,
    directory,
    image: `${manifest.image.repository}@${manifest.image.digest}`,
    appVersion: manifest.appVersion,
    migration: manifest.migration,
    acknowledged: manifest.compliance.acknowledged,
    templates: components.map((component) => ({
      component,
      bytes: manifest.templates[component].bytes,
      resources: resources[component],
      parameters: manifest.templates[component].parameters.length,
    })),
  };
}

function table({ directory, manifest, resources }: BuiltRelease<ReleaseManifest>): string {
  const rows = new Table({
    head: ['template', 'bytes', 'resources', 'parameters'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const component of components) {
    const { bytes, parameters } = manifest.templates[component];
    rows.push([component, bytes, resources[component], parameters.length]);
  }
  return [
    `Release ${manifest.id} in ${directory}`,
    rows.toString(),
    `Image      ${manifest.image.repository}@${manifest.image.digest}`,
    `Migration  ${manifest.migration}`,
    `Findings   ${manifest.compliance.acknowledged} acknowledged, each with its reason in ${manifest.compliance.file}; none unexplained`,
  ].join('\n');
}

function failed(error: unknown): number {
  // Commander has printed its own message; asking for help is no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof ReleaseError) console.error(error.message);
  else if (error instanceof Error && 'syscall' in error)
    console.error(`The release cannot be written. ${error.message}`);
  else console.error(error);
  return 1;
}
