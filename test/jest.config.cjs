const { availableParallelism } = require('node:os');

// On Node 20 the AWS SDK prints a notice in every test file. Workers and processes that tests start inherit this.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/**
 * Libraries that test files of one worker share (test/from-worker.cjs). None whose plain objects our code compares with its own (zod, yaml,
 * the AWS SDK): those of another realm are never deeply equal by Node's `isDeepStrictEqual`.
 */
const shared =
  '(@fastify|aws-cdk-lib|cdk-nag|constructs|fastify|kysely|nodemailer|pg-boss|pino|prom-client|rrule-temporal|temporal-polyfill|temporal-utils)';

/** Tests compile to CommonJS; production runs ES modules, so test/smoke starts each entry point for real. */
module.exports = {
  rootDir: '..',
  testEnvironment: '<rootDir>/test/environment.cjs',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/run-directory.cjs',
  globalTeardown: '<rootDir>/test/run-directory-end.cjs',
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.lumenality'],
  testSequencer: '<rootDir>/test/longest-first.cjs',
  randomize: true,
  // Half of what takes long waits for databases and processes; and Jest would leave one of two cores to itself.
  maxWorkers: availableParallelism() + 1,
  // These end a test that hangs; a busy machine may take several times as long as a quiet one.
  testTimeout: 180_000,
  transform: {
    [`/node_modules/${shared}/`]: '<rootDir>/test/from-worker.cjs',
    '^.+\\.(ts|c?js|mjs)$': [
      '@swc/jest',
      {
        module: { type: 'commonjs' },
        // Beside the code: within it they are most of what each test file reads and parses.
        sourceMaps: true,
        jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
      },
    ],
  },
  // The first are shared; the others ship ES modules only, and jest must compile them.
  transformIgnorePatterns: [
    `/node_modules/(?!(${shared}|@noble|@scure|content-disposition|cookie|fastify-type-provider-zod|jose|serialize-error|non-error|@electric-sql)/)`,
  ],
};
