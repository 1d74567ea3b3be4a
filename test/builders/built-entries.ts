import { copyFileSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { eventually } from './process.ts';
import { isFirst, shared } from './run-directory.ts';

const root = join(__dirname, '../..');

/** Programs that tests start as processes of their own, each many times. */
const entries = [
  'bin/control-api',
  'bin/sandbox',
  'bin/worker',
  'lib/sandbox/data-plane/database-process',
] as const;

/**
 * The file of a program of this checkout without tsx, which takes three quarters of the time that a process needs to start. The first
 * test file of a run that asks builds all of them, the others wait.
 */
export async function builtEntry(entry: (typeof entries)[number]): Promise<string> {
  const [building, built, failed] = [shared('entries-building'), shared('entries'), shared('entries-failed')];
  if (isFirst('entries')) {
    try {
      await bundle(building);
      renameSync(building, built);
    } catch (error) {
      writeFileSync(failed, '');
      throw error;
    }
  }
  await eventually(
    () => (existsSync(built) || existsSync(failed) ? true : undefined),
    () => 'another test file has not built the programs',
  );
  if (existsSync(failed)) throw new Error('Another test file says why the programs were not built.');
  return join(built, `${entry}.mjs`);
}

/** Lies as the checkout does: programs find each other, their packages and their version by relative paths. */
async function bundle(directory: string): Promise<void> {
  mkdirSync(directory);
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  copyFileSync(join(root, 'package.json'), join(directory, 'package.json'));
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(entries.map((entry) => [entry, join(root, `${entry}.ts`)])),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'bin/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    // They read files beside their own: WebAssembly, native code, the specification of CloudFormation, pages.
    external: [
      '@aws-cdk/aws-service-spec',
      '@electric-sql/pglite',
      '@fastify/swagger-ui',
      'lmdb',
      'pg-native',
    ],
    banner: {
      js: 'import { createRequire as requireFor } from "node:module"; const require = requireFor(import.meta.url);',
    },
  });
}
