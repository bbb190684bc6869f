import type { Product } from '../../../product/product.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import type { SearchReport } from '../../../queue/searchReader.ts';
import type { Query, Saved, Selection } from './selection.ts';

/** A search and what is shown of it, to whom. */
export interface Result {
  report: SearchReport;
  /** Undefined when it cannot be read. */
  request: NormalRequest | undefined;
  products: readonly Product[];
  selection: Selection;
  query: Query;
  /** What the person keeps. */
  saved: Saved;
  /** Of a search that names none. */
  marketplace: string;
  csrf: string | null;
  /** Whether the caller may start searches, and schedule them. */
  mayEnqueue: boolean;
  maySchedule: boolean;
  /** Address of the search's job, for those who may see it. */
  job: string | undefined;
  now: number;
}
