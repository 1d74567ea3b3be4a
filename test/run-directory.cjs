const { buildSync } = require('esbuild');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { bundle } = require('./builders/bundle.ts');

const root = path.join(__dirname, '..');

let postgres;

/**
 * What all test files of one run share, because it is costly to make: a directory (test/builders/built-release.ts) and a PostgreSQL server
 * (test/builders/database.ts).
 */
module.exports = async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'lumenality-test-run-'));
  process.env.LUMENALITY_TEST_RUN_DIR = directory;
  // A program like the others: in this process Jest would take its packages from a worker (test/from-worker.cjs).
  await bundle(root, directory, { 'run-postgres': 'test/run-postgres.ts' });
  bundleCommandLine(directory);
  const { startRunPostgres } = await import(path.join(directory, 'run-postgres.mjs'));
  postgres = await startRunPostgres();
  process.env.LUMENALITY_TEST_TEMPLATE_URL = postgres.templateUrl;
};

/** The command line in one file: tests start it dozens of times, and so it starts in a third of the time. */
function bundleCommandLine(directory) {
  buildSync({
    entryPoints: [path.join(root, 'bin/lumenality.ts')],
    outfile: path.join(directory, 'bin/lumenality.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
}

module.exports.remove = async () => {
  await postgres?.stop();
  rmSync(process.env.LUMENALITY_TEST_RUN_DIR, { recursive: true, force: true });
};
