/**
 * A watchlist from a CSV file, and what its first look found.
 * Needs Redis and a worker (`npx dpf demo --keep`); run: npx tsx examples/watchlist.ts listings.csv
 * A file to try it with: npx dpf search "usb c hub" --max-items 30 --csv --columns itemId > listings.csv
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, Failure, type WatchlistReport } from 'dropship-product-finder';

const NAME = 'supplies';
const file = process.argv[2] ?? 'listings.csv';
const searches = await connect(); // REDIS_URL, else redis://localhost:6379/0
const { watchlists } = searches;
try {
  // The same again changes nothing.
  await watchlists.put({
    name: NAME,
    marketplace: 'EBAY_US',
    shipTo: { country: 'US', postalCode: '19406' },
  });
  const csv = await readFile(file);
  const { added, unchanged, entries } = await watchlists.import(NAME, { csv }, { mode: 'replace' });
  console.log(`${NAME}: ${entries} listings, ${added} added, ${unchanged} there already`);

  const { counts, callsPerLook } = await lookedAt(60_000);
  console.log(
    `${counts['in-stock']} in stock, ${counts['out-of-stock']} out of stock, ${counts.ended} ended`,
  );
  console.log(`a look at all of them takes ${callsPerLook} calls`);
  const { entries: ended } = await watchlists.entries(NAME, { state: 'ended' });
  for (const { item, columns } of ended) console.log(`ended: ${item} ${JSON.stringify(columns)}`);
} catch (error) {
  if (!(error instanceof Failure) || error.detail.errors === undefined) throw error;
  // Nothing is stored where a line is wrong.
  for (const { path, message } of error.detail.errors) console.error(`line ${path}: ${message}`);
  process.exitCode = 1;
} finally {
  await searches.close();
}

/** The list once each listing has been looked at, or at the end of the time. */
async function lookedAt(timeoutMs: number): Promise<WatchlistReport> {
  for (const until = Date.now() + timeoutMs; ; await sleep(500)) {
    const report = await watchlists.get(NAME);
    if (report.counts.waiting === 0 || Date.now() > until) return report;
  }
}
