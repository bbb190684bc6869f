import type { NormalRequest } from '../../../product/requestSchema.ts';
import { type Html, html } from '../html.ts';
import { valuesFrom } from './formRequest.ts';
import { searchForm } from './searchForm.ts';

interface Shown {
  report: { searchId: string };
  /** Undefined when it cannot be read. */
  request: NormalRequest | undefined;
  /** Of a search that names none. */
  marketplace: string;
  csrf: string | null;
  /** Whether the caller may start searches. */
  mayEnqueue: boolean;
}

/** Above a result: the form with everything that the search says, to change it. Null for callers who may start none. */
export function resultForm({ report, request, marketplace, csrf, mayEnqueue }: Shown): Html | null {
  if (request === undefined || !mayEnqueue) return null;
  const { track } = request;
  const note =
    track === undefined
      ? undefined
      : html`What is new is marked by the track ${track}: a changed search is another one and has no marks.`;
  const values = valuesFrom(request, report.searchId);
  return html`<section class="again" aria-label="Change this search">${searchForm({ values, marketplace, mistakes: [], csrf, note })}</section>`;
}
