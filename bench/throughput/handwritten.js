/** What one would write by hand: one BullMQ job a page, axios, JSON.parse, the same products in one write. Nothing else. */
import http from 'node:http';
import axios from 'axios';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { mapPage } from '../../dist/collector/mapPage.js';
import { answerWithCpu } from './answerWithCpu.js';

const [, , redisUrl = '', origin = '', token = ''] = process.argv;
const store = new Redis(redisUrl);
const client = axios.create({
  baseURL: origin,
  httpAgent: new http.Agent({ keepAlive: true }),
  responseType: 'text',
  transformResponse: [(text) => text],
  headers: {
    authorization: `Bearer ${token}`,
    'x-ebay-c-marketplace-id': 'EBAY_US',
    'accept-encoding': 'gzip',
  },
});

const worker = new Worker(
  'handwritten',
  async (job) => {
    const { search, params } = job.data;
    const { data } = await client.get('/buy/browse/v1/item_summary/search', { params });
    const { offset, limit } = params;
    const page = { marketplace: 'EBAY_US', offset, limit, observedAt: new Date().toISOString() };
    const mapped = mapPage(JSON.parse(data), page);
    if (!mapped.ok) throw new Error(mapped.reason);
    await store.hset(`handwritten:${search}`, String(offset), JSON.stringify(mapped.page.products));
  },
  { connection: new Redis(redisUrl, { maxRetriesPerRequest: null }), concurrency: 10 },
);
await worker.waitUntilReady();
answerWithCpu();
