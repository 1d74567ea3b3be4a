/** Bounds how many engines run at once, so that thirty practices which wake together still fit into memory. */
export class EngineSlots {
  readonly #limit: number;
  readonly #waiting: Array<() => void> = [];
  readonly #makeRoom: () => void;
  #taken = 0;

  /** @param makeRoom called when somebody has to wait: whoever runs idle may end now. */
  constructor(limit: number, makeRoom: () => void) {
    this.#limit = limit;
    this.#makeRoom = makeRoom;
  }

  get crowded(): boolean {
    return this.#waiting.length > 0;
  }

  /** @throws Error when no engine ended within `patienceMs`. */
  async take(patienceMs: number): Promise<() => void> {
    if (this.#taken >= this.#limit) await this.#wait(patienceMs);
    else this.#taken += 1;
    let given = true;
    return () => {
      if (given) this.#give();
      given = false;
    };
  }

  /** A slot passes straight to the one who has waited longest. */
  #give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken -= 1;
  }

  #wait(patienceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const admitted = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(admitted), 1);
        reject(
          new Error(`${this.#limit} database engines are in use, as many as this sandbox runs at once.`),
        );
      }, patienceMs);
      this.#waiting.push(admitted);
      this.#makeRoom();
    });
  }
}
