/** RDS looks after the KMS keys of its instances by itself, whoever asks or does not ask about them. */
import type { Cloud } from '../../model.ts';
import { watchKey } from './encryption.ts';
import { instanceTable } from './records.ts';

/** On AWS an instance notices within minutes that its key was disabled. */
const intervalMs = 1000;
/** However many instances there are, looking takes no more than a twentieth of the time. */
const restForEachMsOfWork = 20;

const watches = new WeakMap<Cloud, NodeJS.Timeout>();

/** Looks again a while after each look, until `endKeyWatch`. */
export function beginKeyWatch(cloud: Cloud): void {
  const look = async (): Promise<void> => {
    const begun = performance.now();
    for (const instance of instanceTable({ cloud }).list()) {
      await watchKey({ accountId: instance.accountId, region: instance.region, cloud }, instance).catch(
        (error: unknown) =>
          cloud.log(`The key of ${instance.id} could not be looked after: ${String(error)}`),
      );
      if (!watches.has(cloud)) return;
    }
    schedule(Math.max(intervalMs, (performance.now() - begun) * restForEachMsOfWork));
  };
  const schedule = (ms: number): void => {
    watches.set(cloud, setTimeout(() => void look(), ms).unref());
  };
  schedule(intervalMs);
}

export function endKeyWatch(cloud: Cloud): void {
  clearTimeout(watches.get(cloud));
  watches.delete(cloud);
}
