import type { SearchRequest } from '../../src/product/requestSchema.ts';
import { deepSearch } from '../../test/support/deepSearch.ts';
import type { Fleet } from '../../test/support/fleet.ts';

/** Some 6,000 listings of the simulator's. */
export const QUERY = 'watch';

/** Five-page searches, a third more calls than there will be slots, so that work always waits. */
export async function backlog(fleet: Fleet, calls: number): Promise<void> {
  const searches = Math.ceil((calls * 4) / 3 / 5) + 20;
  await fleet.producer.enqueueMany(Array.from({ length: searches }, () => deepSearch(QUERY, 5)));
}

export async function enqueue(fleet: Fleet, request: SearchRequest): Promise<string> {
  return (await fleet.producer.enqueue(request)).searchId;
}

/** The outcomes of these searches, failed ones as `failed: CODE`, in their order. */
export function outcomes(fleet: Fleet, searchIds: string[], timeoutMs = 120_000): Promise<string[]> {
  return Promise.all(
    searchIds.map(async (id) => {
      const { summary, error } = await fleet.producer.waitFor(id, { timeoutMs });
      return summary?.outcome ?? `failed: ${error?.code}`;
    }),
  );
}
