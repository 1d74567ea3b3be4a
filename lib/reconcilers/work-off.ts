/** What is due, one claim after the other, and what to do with each. */
interface Due<Claim> {
  /** Claims at work at once in one process. */
  readonly width: number;
  /** Undefined when nothing is due. */
  readonly claim: () => Promise<Claim | undefined>;
  readonly work: (claim: Claim) => Promise<void>;
}

/** Works off everything that is due, and what becomes due by it. After a fault it takes up no more, and throws once all work has ended. */
export async function workOff<Claim>(
  { width, claim, work }: Due<Claim>,
  signal?: AbortSignal,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const faults: unknown[] = [];
  let ended = 0;
  const stopped = () => signal?.aborted === true || faults.length > 0;
  while (!stopped()) {
    const endedBefore = ended;
    const claimed = underWay.size < width ? await claim() : undefined;
    if (claimed !== undefined) {
      const done: Promise<void> = work(claimed)
        .catch((fault: unknown) => void faults.push(fault))
        .finally(() => {
          ended += 1;
          underWay.delete(done);
        });
      underWay.add(done);
    } else if (underWay.size > 0) {
      await Promise.race(underWay);
    } else if (ended === endedBefore) {
      break;
    }
    // Otherwise work has ended while the claim was asked for, and something may have become due by it.
  }
  await Promise.all(underWay);
  if (faults.length > 0) throw faults[0];
}
