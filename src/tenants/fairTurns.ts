/**
 * Lets a few pieces of work go on at once in this process, and tenants take turns: one that has much to do waits behind
 * itself. Searches cost this process time before they cost a call, and nothing else bounds how fast they begin.
 */
export class FairTurns {
  #free: number;
  /** Who waits; a tenant that has had its turn goes to the end. */
  readonly #lines = new Map<string, Array<() => void>>();

  /** @param capacity how many pieces of work may go on at once, of all tenants together */
  constructor(capacity: number) {
    this.#free = capacity;
  }

  /** Does the work when it is this tenant's turn. */
  async take<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(tenant);
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #turn(tenant: string): Promise<void> {
    return new Promise((resolve) => {
      const line = this.#lines.get(tenant);
      if (line === undefined) this.#lines.set(tenant, [resolve]);
      else line.push(resolve);
    });
  }

  #next(): void {
    const [first] = this.#lines;
    if (first === undefined) {
      this.#free += 1;
      return;
    }
    const [tenant, line] = first;
    const begin = line.shift();
    this.#lines.delete(tenant);
    if (line.length > 0) this.#lines.set(tenant, line);
    begin?.();
  }
}
