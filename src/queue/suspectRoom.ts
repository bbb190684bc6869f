/** Room for one job at a time that went down with workers (`suspects.ts`), in this process; it ends with the process. */
export class SuspectRoom {
  #taken = false;

  /** False when somebody is in. */
  enter(): boolean {
    const free = !this.#taken;
    this.#taken = true;
    return free;
  }

  leave(): void {
    this.#taken = false;
  }
}
