/** Commands in this process find this Redis by REDIS_URL. What the variable was before comes back after the tests. */
export function useRedisUrl(url: () => string): void {
  let former: string | undefined;
  before(() => {
    former = process.env.REDIS_URL;
    process.env.REDIS_URL = url();
  });
  after(() => {
    if (former === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = former;
  });
}
