import type { ItemCall, PageCall } from '../../src/collector/collector.ts';
import type { Collector } from '../../src/queue/search/context.ts';

/** A point in the program under test where some callers wait until the test lets them go on. */
export class Pause<Subject = unknown> {
  readonly #waiting: Array<() => void> = [];
  #isHeld: (subject: Subject) => boolean = () => false;

  /** From now on holds every caller whose subject matches. */
  hold(matches: (subject: Subject) => boolean = () => true): void {
    this.#isHeld = matches;
  }

  /** How many callers are held now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets all held callers go on and holds nobody any more. */
  release(): void {
    this.#isHeld = () => false;
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  /** Called by the wrapper at the point itself. */
  pass(subject: Subject): Promise<void> {
    if (!this.#isHeld(subject)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/**
 * A pause that is released after each test. Mocha runs hooks in the order of their definition, so it is called before
 * `useService`: a worker does not stop while one of its calls is held.
 */
export function usePause<Subject = unknown>(): Pause<Subject> {
  const pause = new Pause<Subject>();
  afterEach(() => pause.release());
  return pause;
}

/** `target` with some of its methods replaced. The others run on `target` itself, so its private fields work. */
export function around<Target extends object>(target: Target, replaced: Partial<Target>): Target {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(replaced, name)) return Reflect.get(replaced, name);
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A collector whose calls stop at these points before they are made. */
export function pausedCollector(
  collector: Collector,
  { page, details }: { page: Pause<PageCall>; details?: Pause<ItemCall> },
): Collector {
  return around(collector, {
    async collectPage(call) {
      await page.pass(call);
      return collector.collectPage(call);
    },
    async collectItem(call) {
      await details?.pass(call);
      return collector.collectItem(call);
    },
  });
}
