import type { Acknowledgement } from '../acknowledgements.ts';

/** Findings in the stacks of a cell that are accepted; see stacks/acknowledgements.ts. */
export const cellAcknowledgements: readonly Acknowledgement[] = [];
