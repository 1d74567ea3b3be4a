import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Programs of this checkout without tsx, which takes most of the time that a process needs to start. They lie in `directory` as the checkout
 * does: programs find each other, their packages and their version by relative paths.
 * @param entries files of the checkout at `root`, by what they are to be called, without `.mjs`
 */
export async function bundle(
  root: string,
  directory: string,
  entries: Readonly<Record<string, string>>,
): Promise<void> {
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  copyFileSync(join(root, 'package.json'), join(directory, 'package.json'));
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [name, join(root, entry)]),
    ),
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
