// Run before the tests: without a Redis server hundreds of them would fail one by one. A container is none for them: they
// hand it files, and several servers reach each other.
import { reportOf } from '../src/cli/exit.ts';
import { redisServer } from '../src/redis/ensureServer.ts';

try {
  await redisServer({ say: console.error });
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = reportOf(error).exit;
}
