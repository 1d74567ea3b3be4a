#!/usr/bin/env node
// Starts the command line from a fresh clone without a build: the source where it is (a build left over from an
// earlier commit must not answer for it), the build in an image that carries nothing else.
import { existsSync } from 'node:fs';

if (existsSync(new URL('./lumenality.ts', import.meta.url))) {
  // Newer versions of Node run TypeScript themselves; for the others tsx does.
  if (!process.features.typescript) (await import('tsx/esm/api')).register();
  await import('./lumenality.ts');
} else {
  await import('../dist/bin/lumenality.js');
}
