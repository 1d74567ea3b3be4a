import { z } from 'zod';
import type { ControlPlane } from './control-plane.ts';
import { nextMessage } from './workspace.ts';

const memorySchema = z.object({
  residentBytes: z.number(),
  collectedBytes: z.number(),
  peakBytes: z.number(),
});

/** Memory of a control plane's process, in MiB: resident as it is, what remains after a full collection, and the highest so far. */
const mebibyte = 1024 * 1024;

export async function memoryOf({
  started,
}: ControlPlane): Promise<{ resident: number; collected: number; peak: number }> {
  started.process.send({ ask: 'memory' });
  const bytes = await nextMessage(started, (message) => memorySchema.safeParse(message).data);
  return {
    resident: bytes.residentBytes / mebibyte,
    collected: bytes.collectedBytes / mebibyte,
    peak: bytes.peakBytes / mebibyte,
  };
}
