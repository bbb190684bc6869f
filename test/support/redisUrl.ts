import { useEnvironment } from './environment.ts';

/** Commands in this process find this Redis by REDIS_URL. What the variable was before comes back after the tests. */
export function useRedisUrl(url: () => string): void {
  useEnvironment(() => ({ REDIS_URL: url() }));
}
