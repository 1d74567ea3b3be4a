import type { Cloud } from '../../model.ts';

/** Clouds that are being stopped: what they leave unfinished their next start takes up, and nothing more is recorded. */
const stopping = new WeakSet<Cloud>();

export const beginStopping = (cloud: Cloud): void => {
  stopping.add(cloud);
};

export const isStopping = (cloud: Cloud): boolean => stopping.has(cloud);
