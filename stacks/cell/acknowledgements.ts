import type { Acknowledgement } from '../acknowledgements.ts';

/** Findings in the stacks of a cell that are accepted; see stacks/acknowledgements.ts. */
export const cellAcknowledgements: readonly Acknowledgement[] = [
  {
    rule: 'SecurityHub.KMS.1',
    resources: ['lumenality-cell/PracticeBoundary'],
    reason:
      "A permissions boundary gives nothing: it is the most that a role's own policy may allow. Each of those names one practice's key, and the " +
      "boundary denies every key that another practice's tag stands on.",
  },
  {
    rule: 'SecurityHub.KMS.1',
    resources: ['lumenality-cell/DeployData'],
    reason:
      'The keys of practices do not exist when the cell is made. The statement holds only through RDS, Secrets Manager and AWS Backup, which ask ' +
      "for it when they make an encrypted resource; used directly, decryption is denied to the role here and in each key's policy.",
  },
];
