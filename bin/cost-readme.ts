/** `npm run cost:readme`: writes the cost table of README.md anew from the templates and the price list. */
import { readFileSync, writeFileSync } from 'node:fs';
import { synthesise } from '../stacks/release/synthesis.ts';
import { withCostTable } from './cost-table.ts';

const readme = new URL('../README.md', import.meta.url);
const { templates } = synthesise();
const before = readFileSync(readme, 'utf8');
const after = withCostTable(before, {
  foundation: templates.foundation.body,
  data: templates.data.body,
  service: templates.service.body,
});
if (after !== before) writeFileSync(readme, after);
console.log(
  after === before ? 'README.md was up to date.' : 'README.md has new costs: look at them, then commit.',
);
