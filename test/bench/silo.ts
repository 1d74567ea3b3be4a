import { join } from 'node:path';
import { readReleaseDirectory } from '../../bin/release-directory.ts';
import { priceList } from '../../lib/domain/cost/prices/index.ts';
import { siloCost } from '../../lib/domain/cost/silo-cost.ts';
import { usageOf } from '../../lib/domain/cost/usage.ts';
import { shapes } from '../../lib/domain/practice.ts';
import { components } from '../../lib/domain/release.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';
import type { Benchmark } from './benchmark.ts';
import type { Figure } from './figures.ts';

/** "CloudFormation quotas": a template that travels inline. */
const inlineTemplateLimit = 51_200;

/** What a release and its silos cost: time to build, bytes to deploy, dollars a month. */
export const silo: Benchmark = {
  name: 'silo',
  title: 'building one release, the size of its templates, and what a silo of each shape costs a month',
  run: async ({ workspace }) => {
    const directory = join(workspace.directory, 'release');
    const begun = performance.now();
    const entry = join(workspace.root, 'bin', 'release-build.ts');
    await workspace.run('release-build', ['--import', 'tsx', entry, '--out', directory]);
    const seconds = (performance.now() - begun) / 1_000;
    const { manifest, templates } = await readReleaseDirectory(directory);
    const sizes = components.map(
      (component): Figure => ({
        name: `template ${component}`,
        value: manifest.templates[component].bytes,
        unit: 'bytes',
        goal: { kind: 'at most', value: inlineTemplateLimit },
      }),
    );
    const costs = shapes.map((shape): Figure => {
      const parameters = { ...parametersForShape(shape), PracticeId: 'practice' };
      const cost = siloCost({ templates, parameters, usage: usageOf(shape), prices: priceList });
      const figure = { name: `cost of ${shape}`, value: cost.monthlyNanoUsd / 1e9, unit: 'USD a month' };
      return shape === 'solo' ? { ...figure, goal: { kind: 'at most', value: 100 } } : figure;
    });
    return {
      figures: [{ name: 'release build', value: seconds, unit: 's' }, ...sizes, ...costs],
      notes: [
        `List prices of ${priceList.region} as of ${priceList.asOf}; lib/domain/cost/usage.ts holds the assumed use.`,
      ],
    };
  },
};
