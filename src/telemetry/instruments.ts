import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Values } from './vocabulary.ts';

/** A metric as it is documented. */
export interface Declared {
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: Readonly<Record<string, Values>>;
}

type Labels<L> = { [Name in keyof L]: string };

export interface Count<L> {
  inc(labels: Labels<L>, by?: number): void;
}
export interface Level<L> {
  set(labels: Labels<L>, value: number): void;
  /** Forgets every series: what is no longer known must not be shown as if it were. */
  clear(): void;
}
export interface Timing<L> {
  observe(labels: Labels<L>, seconds: number): void;
  /** Shows the series from its beginning on, or its first event would count for nothing. */
  begin(labels: Labels<L>): void;
}

/** What a label says that is none of its values. */
const OTHER = 'other';

/**
 * Declares metrics, each with all values that its labels may have: another value becomes `other`. So no series can be
 * made by what somebody searches for, and no id or secret can become a label, whatever a caller passes.
 */
export class Instruments {
  readonly registry: Registry;
  readonly declared: Declared[] = [];

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** @param collect brings it up to date before each look */
  counter<const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    collect?: () => void,
  ): Count<L> {
    const declared = this.#declare('counter', name, help, labels);
    const metric = new Counter({ ...declared, ...(collect ? { collect } : {}) });
    return { inc: (values, by = 1) => metric.inc(bounded(labels, values), by) };
  }

  /** @param collect brings it up to date before each look */
  gauge<const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    collect?: (level: Level<L>) => void,
  ): Level<L> {
    const metric = new Gauge({
      ...this.#declare('gauge', name, help, labels),
      ...(collect ? { collect: () => collect(level) } : {}),
    });
    const level: Level<L> = {
      set: (values, value) => metric.set(bounded(labels, values), value),
      clear: () => metric.reset(),
    };
    return level;
  }

  histogram<const L extends Record<string, Values>>(
    name: string,
    help: string,
    labels: L,
    buckets: number[],
  ): Timing<L> {
    const metric = new Histogram({ ...this.#declare('histogram', name, help, labels), buckets });
    return {
      observe: (values, seconds) => metric.observe(bounded(labels, values), seconds),
      begin: (values) => metric.zero(bounded(labels, values)),
    };
  }

  #declare(kind: Declared['kind'], name: string, help: string, labels: Record<string, Values>) {
    this.declared.push({ name, kind, help, labels });
    return { name, help, labelNames: Object.keys(labels), registers: [this.registry] };
  }
}

function bounded<L extends Record<string, Values>>(labels: L, values: Labels<L>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, allowed]) => {
      const value = String(values[name]);
      const fits = allowed instanceof RegExp ? allowed.test(value) : allowed.includes(value);
      return [name, fits ? value : OTHER];
    }),
  );
}
