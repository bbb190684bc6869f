const { EBAY_API_URL: ebay = '', BENCH_TOKEN = '' } = process.env;
const page = `${ebay}/buy/browse/v1/item_summary/search?q=watch&limit=200`;

/** One page with the token of the environment. @returns whether eBay answered with products */
export async function callOnce(): Promise<boolean> {
  const response = await fetch(page, { headers: { authorization: `Bearer ${BENCH_TOKEN}` } });
  await response.arrayBuffer();
  return response.status === 200;
}
