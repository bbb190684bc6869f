/** A process that starts many times at once, as far as schedules go: `REDIS_URL file starts`, at the key `go`. */
import { Redis } from 'ioredis';
import { applySchedules, readSchedulesFile } from '../../src/queue/schedules/file.ts';
import { openSchedules } from './schedules.ts';
import { waitFor } from './waitFor.ts';

const [url = '', file = '', starts = '0'] = process.argv.slice(2);
const redis = new Redis(url);
const silent = () => undefined;
const log = { error: silent, warn: silent, info: silent, debug: silent };

const opened = Array.from({ length: Number(starts) }, () => openSchedules(redis, 1));
await Promise.all(opened.map(({ queue }) => queue.waitUntilReady()));
console.log('ready');
await waitFor('the key go', () => redis.get('go'), 60_000);
await Promise.all(opened.map(({ schedules }) => applySchedules(schedules, readSchedulesFile(file), log)));
await Promise.all(opened.map(({ queue }) => queue.close()));
redis.disconnect();
