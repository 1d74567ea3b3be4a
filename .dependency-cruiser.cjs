/**
 * Who may import whom (docs/architecture.md). An allow-list: an import that no rule allows is an error.
 * Production code never imports test; nothing of the product imports bin.
 */
const npm = (...names) => `node_modules/(${names.join('|')})(/|$)`;
const allow = (comment, from, ...to) => to.map((path) => ({ comment, from: { path: from }, to: { path } }));
const core = ['^lib/domain/', '^lib/ports/'];

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    // The launcher runs the built command line when there is one.
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: { pathNot: '^bin/lumenality\\.js$' },
      to: { couldNotResolve: true },
    },
    { name: 'no-test-from-product', severity: 'error', from: { pathNot: '^test/' }, to: { path: '^test/' } },
    {
      name: 'nothing-imports-bin',
      severity: 'error',
      from: { pathNot: '^(bin|test)/' },
      to: { path: '^bin/' },
    },
    {
      name: 'independent-check-knows-only-the-terms',
      comment:
        'It recomputes what the product did from docs/plans.md (CONTRIBUTING.md); its tests compare the two.',
      severity: 'error',
      from: { path: '^test/independent/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(lib|control-api|bin|stacks|tenant-template|test/(?!independent/))' },
    },
    {
      name: 'agpl-in-tests-only',
      comment: 'Licensed under the AGPL: never part of what is deployed (CONTRIBUTING.md, decision 10).',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: npm('@cloud-copilot') },
    },
    {
      name: 'lib-never-imports-cdk',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: npm('aws-cdk-lib', 'constructs') },
    },
    {
      name: 'commands-are-api-clients',
      severity: 'error',
      from: { path: '^bin/commands/' },
      to: { path: '^(lib|stacks|tenant-template|control-api/(?!contracts/))' },
    },
  ],
  allowedSeverity: 'error',
  allowed: [
    { comment: 'anything may use Node itself', from: {}, to: { dependencyTypes: ['core'] } },
    ...allow(
      'domain',
      '^lib/domain/',
      '^lib/domain/',
      npm('zod', 'temporal-polyfill', 'rrule-temporal', 'csv-stringify'),
    ),
    ...allow('ports', '^lib/ports/', ...core),
    ...allow('db', '^lib/db/', '^lib/db/', ...core, npm('kysely', 'pg', '@electric-sql/pglite', 'zod')),
    ...allow(
      'runs',
      '^lib/runs/',
      '^lib/(runs|db)/',
      ...core,
      npm('pg-boss', 'kysely', 'pg', '@electric-sql/pglite', 'zod'),
    ),
    ...allow('workflows', '^lib/workflows/', '^lib/(workflows|runs|db)/', ...core, npm('zod')),
    ...allow('reconcilers', '^lib/reconcilers/', '^lib/(reconcilers|workflows|runs|db)/', ...core),
    ...allow('use cases', '^lib/use-cases/', '^lib/(use-cases|workflows|runs|db)/', ...core, npm('zod')),
    ...allow('aws', '^lib/aws/', '^lib/aws/', ...core, npm('@aws-sdk', '@smithy')),
    ...allow('oidc', '^lib/oidc/', '^lib/oidc/', ...core, npm('jose', 'zod')),
    ...allow('notices', '^lib/notices/', '^lib/notices/', ...core, npm('standardwebhooks', 'nodemailer')),
    ...allow('billing', '^lib/billing/', '^lib/billing/', ...core, npm('stripe')),
    ...allow(
      'sandbox',
      '^lib/sandbox/',
      '^lib/sandbox/',
      npm(
        '@aws-sdk',
        '@smithy',
        '@aws-cdk/aws-service-spec',
        '@aws-cdk/service-spec-types',
        '@electric-sql/pglite',
        'lmdb',
        '@peculiar/x509',
        'reflect-metadata',
        'pg',
        'yaml',
      ),
    ),
    ...allow('config', '^lib/config\\.ts$', '^lib/domain/', npm('zod')),
    ...allow(
      'stacks',
      '^stacks/',
      '^stacks/',
      // What a release is made of and held against: the control plane asks the same again of what is handed in.
      '^lib/domain/(release-content|compliance-report)\\.ts$',
      '^tenant-template/[^/]+\\.ts$',
      npm('aws-cdk-lib', 'constructs', 'cdk-nag'),
    ),
    ...allow(
      'practice app',
      '^tenant-template/app/',
      '^tenant-template/app/',
      npm(
        'fastify',
        '@fastify',
        'pg',
        'zod',
        '@aws-sdk',
        '@aws-crypto',
        '@peculiar/x509',
        'reflect-metadata',
        'otplib',
        'qrcode-generator',
        'pino',
      ),
    ),
    ...allow(
      'tenant template',
      '^tenant-template/[^/]+\\.ts$',
      '^tenant-template/[^/]+\\.ts$',
      npm('zod', 'esbuild'),
    ),
    ...allow('contracts', '^control-api/contracts/', '^control-api/contracts/', '^lib/domain/', npm('zod')),
    ...allow(
      'control api',
      '^control-api/',
      '^control-api/',
      '^lib/(use-cases|domain)/',
      npm(
        'fastify',
        '@fastify',
        'ical-generator',
        'fastify-type-provider-zod',
        'fastify-plugin',
        'zod',
        'prom-client',
        'pino',
      ),
    ),
    ...allow(
      'commands',
      '^bin/commands/',
      '^bin/commands/',
      // Publishing reads what the build wrote.
      '^bin/release-directory\\.ts$',
      '^control-api/contracts/',
      'node_modules',
    ),
    ...allow('entry points', '^bin/[^/]+$', '.*'),
    ...allow('tests', '^test/', '.*'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // What tsc wrote: its imports are those of the sources.
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
