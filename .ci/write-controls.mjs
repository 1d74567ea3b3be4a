// Writes the tables of docs/controls.md from the code: node --import tsx .ci/write-controls.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { controlsDocument } from '../test/stacks/controls-document.ts';

const path = new URL('../docs/controls.md', import.meta.url);
writeFileSync(path, controlsDocument(readFileSync(path, 'utf8')));
