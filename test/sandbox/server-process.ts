/** A sandbox of its own process whose topics take as long to create as the file that releases them takes to appear. */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ResourceHandler } from '../../lib/sandbox/model.ts';
import { startSandbox } from '../../lib/sandbox/server.ts';

const [, , directory = '', journal = ''] = process.argv;

const topics: ResourceHandler = {
  type: 'AWS::SNS::Topic',
  fidelity: 'behaves',
  async create(_properties, context) {
    appendFileSync(journal, `create ${context.logicalId} ${context.token}\n`);
    while (context.logicalId === 'Slow' && !existsSync(join(directory, 'release'))) {
      await delay(5, undefined, { signal: context.signal });
    }
    return {
      physicalId: `topic-${context.logicalId}`,
      attributes: { TopicArn: `topic-${context.logicalId}` },
    };
  },
  update: (physicalId) => ({ physicalId, attributes: {} }),
  delete: () => undefined,
};

async function main(): Promise<void> {
  const { port } = await startSandbox({ port: 0, directory, dataPlane: false, resourceHandlers: [topics] });
  process.send?.({ port });
}

void main();
