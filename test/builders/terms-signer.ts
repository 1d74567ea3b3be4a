import { generateKeyPairSync } from 'node:crypto';
import { signerWith } from '../../lib/domain/plan/terms-signature.ts';
import type { TermsSigner } from '../../lib/ports/terms-signer.ts';

/** Signs terms with a key of this process. */
export const testTermsSigner: TermsSigner = signerWith(generateKeyPairSync('ed25519').privateKey);
