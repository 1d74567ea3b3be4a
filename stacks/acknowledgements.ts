import type { Safeguard } from './constructs/safeguard.ts';

/** A load balancer that is being rolled back with the stack that made it cannot be deleted while it is protected. */
export const loadBalancerDeletionProtectionOff: Safeguard = {
  enabled: false,
  reason:
    'The load balancer holds no data and is made again from the template. Protection would turn the roll-back of an unfinished ' +
    'foundation into ROLLBACK_FAILED with a public address left behind. Removal of a live one is refused by the review of change sets.',
};
