const { buildSync } = require('esbuild');
const { cpSync, mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const root = join(__dirname, '..');

/** A directory that all test files of one run share, for what is costly to make (test/builders/built-release.ts). */
module.exports = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lumenality-test-run-'));
  process.env.LUMENALITY_TEST_RUN_DIR = directory;
  bundleCommandLine(directory);
};

/** The command line in one file: tests start it more than a hundred times, and so it starts in a third of the time. */
function bundleCommandLine(directory) {
  buildSync({
    entryPoints: [join(root, 'bin/lumenality.ts')],
    outfile: join(directory, 'bin/lumenality.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
}

module.exports.remove = () => rmSync(process.env.LUMENALITY_TEST_RUN_DIR, { recursive: true, force: true });
