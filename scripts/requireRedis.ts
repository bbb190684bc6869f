// Run before the tests: without a Redis server hundreds of them would fail one by one.
import { redisServer } from '../src/redis/embedded.ts';

try {
  await redisServer({ path: process.env.PATH ?? '', say: console.error });
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
