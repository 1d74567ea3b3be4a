/** Thrown at a checkpoint or a write when other work has taken over this run: a retry, a cancel or a takeover. */
export class Superseded extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Superseded';
  }
}
