export { connectCells } from './cells.ts';
export type { Pace } from './stack-watch.ts';
