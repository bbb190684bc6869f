/**
 * A schedule that finds new products: every morning, and once now.
 * Needs Redis and a worker (`npx dpf demo --keep`); run: npx tsx examples/schedule.ts
 */
import { connect } from 'dropship-product-finder';

const searches = await connect();
try {
  // Adding the same schedule again changes nothing.
  const { name, when, next } = await searches.schedule.add({
    name: 'morning-cases',
    cron: '30 7 * * 1-5',
    tz: 'America/New_York',
    request: { query: 'phone case', maxItems: 100, sort: 'newlyListed', track: 'my-cases' },
  });
  console.log(`${name} runs ${when}, next at ${next}`);

  const { searchId } = await searches.schedule.runNow(name);
  const { summary } = await searches.waitFor(searchId, { timeoutMs: 60_000 });
  const products = await searches.products(searchId);
  // The first complete run of a track marks nothing, because every product would be new.
  const fresh = products.filter(({ mark }) => mark === 'new');
  console.log(`${summary?.outcome}: ${products.length} products, ${fresh.length} of them new`);
} finally {
  await searches.close();
}
