/**
 * A search through the library, and the cheapest delivered products.
 * Needs Redis and a worker (`npx dpf demo --keep`); run: npx tsx examples/library.ts "usb c hub"
 */
import { connect, type Product } from 'dropship-product-finder';

const searches = await connect(); // REDIS_URL, else redis://localhost:6379/0
try {
  const { searchId } = await searches.enqueue({
    query: process.argv[2] ?? 'usb c hub',
    maxItems: 50,
    filters: { buyingOptions: ['FIXED_PRICE'] },
    shipTo: { country: 'US', postalCode: '19406' },
  });
  const { summary, error } = await searches.waitFor(searchId, { timeoutMs: 60_000 });
  if (error) throw new Error(`${error.code}: ${error.message}`);

  console.log(`${summary?.outcome}: ${summary?.counts.products} products`);
  for (const product of cheapest(await searches.products(searchId), 5))
    console.log(`${product.total?.value} ${product.total?.currency}  ${product.title}`);
} finally {
  await searches.close();
}

/** Products without a known delivered price are left out. */
function cheapest(products: Product[], count: number): Product[] {
  return products
    .filter(({ total }) => total !== null)
    .sort((one, other) => Number(one.total?.value) - Number(other.total?.value))
    .slice(0, count);
}
