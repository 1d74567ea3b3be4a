const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

/** A directory that all test files of one run share, for what is costly to make (test/builders/built-release.ts). */
module.exports = async () => {
  process.env.LUMENALITY_TEST_RUN_DIR = mkdtempSync(join(tmpdir(), 'lumenality-test-run-'));
};

module.exports.remove = () => rmSync(process.env.LUMENALITY_TEST_RUN_DIR, { recursive: true, force: true });
