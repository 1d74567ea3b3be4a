const { availableParallelism } = require('node:os');

// On Node 20 the AWS SDK prints a notice in every test file. Workers and processes that tests start inherit this.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** Tests compile to CommonJS; production runs ES modules, so test/smoke starts each entry point for real. */
module.exports = {
  rootDir: '..',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/run-directory.cjs',
  setupFiles: ['<rootDir>/test/one-realm.cjs'],
  globalTeardown: '<rootDir>/test/run-directory-end.cjs',
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.lumenality'],
  randomize: true,
  // Half of what takes long waits for databases and processes; and Jest would leave one of two cores to itself.
  maxWorkers: availableParallelism() + 1,
  // These end a test that hangs; a busy machine may take several times as long as a quiet one.
  testTimeout: 180_000,
  transform: {
    '^.+\\.(ts|c?js|mjs)$': [
      '@swc/jest',
      {
        module: { type: 'commonjs' },
        jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
      },
    ],
  },
  // These packages ship ES modules only; jest must compile them too.
  transformIgnorePatterns: [
    '/node_modules/(?!(@fastify/cookie|@noble|@scure|content-disposition|cookie|fastify-type-provider-zod|jose|kysely|serialize-error|non-error|pg-boss|temporal-polyfill|temporal-utils|@electric-sql)/)',
  ],
};
