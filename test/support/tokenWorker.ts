/** A process of a token fleet: does what its parent asks over IPC, see `tokenFleet.ts`. */
import { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import { apiOrigin } from '../../src/config/checks.ts';
import { loadConfig } from '../../src/config/load.ts';
import { BrowseClient } from '../../src/ebay/client.ts';
import { LocalGate } from '../../src/ebay/gate/localGate.ts';
import { EbayHttp } from '../../src/ebay/http.ts';
import { EbayAuthService } from '../../src/ebay/oauth/service.ts';
import { asFailure } from '../../src/failures.ts';
import { redisOptions } from '../../src/redis/connection.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { type Load, type Look, type Outcomes, type Questions, together } from './tokenFleet.ts';

let redis: Redis | undefined;
let auth: EbayAuthService;
let browse: BrowseClient;
let registry: Registry;
let loading: { timer: NodeJS.Timeout; results: Outcomes[]; underWay: Set<Promise<unknown>> } | undefined;

const answers: { [Q in keyof Questions]: (ask: Questions[Q]['ask']) => Promise<Questions[Q]['answer']> } = {
  async configure({ env }) {
    auth?.close();
    redis?.disconnect();
    const config = loadConfig({ env, files: [] });
    redis = new Redis(config.redis.url, redisOptions(config.redis, 'caller'));
    redis.on('error', () => undefined);
    const metrics = createMetrics();
    registry = metrics.registry;
    auth = new EbayAuthService({ config, redis, metrics: metrics.auth('default') });
    const gate = new LocalGate({ intervalMs: 0, dailyLimit: 100_000, throttlePauseMs: 1000 });
    const { ebay, pace } = config;
    browse = new BrowseClient(new EbayHttp({ origin: apiOrigin(ebay), ebay, pace, gate, tokens: auth }));
    return null;
  },
  get: ({ callers }) => outcomesOf(Array.from({ length: callers }, () => auth.getAccessToken())),
  async search({ callers }) {
    const params = { q: 'cable', limit: '1' };
    const attempts: number[] = [];
    const search = async () => {
      const answer = await browse.search(params, {}, { class: 'interactive' });
      attempts.push(answer.attempts);
      return (await auth.cachedToken()) ?? 'none';
    };
    const outcomes = await outcomesOf(Array.from({ length: callers }, search));
    return { ...outcomes, mostAttempts: Math.max(...attempts) };
  },
  async refuse({ token, times }) {
    const got: string[] = [];
    for (let n = 0; n < times; n += 1) got.push(await auth.refreshToken(token));
    return { tokens: [...new Set(got)], failures: {} };
  },
  async load({ everyMs }) {
    const results: Outcomes[] = [];
    const underWay = new Set<Promise<unknown>>();
    const timer = setInterval(() => {
      const call = outcomesOf([auth.getAccessToken()]).then((outcome) => {
        results.push(outcome);
        underWay.delete(call);
      });
      underWay.add(call);
    }, everyMs);
    loading = { timer, results, underWay };
    return null;
  },
  async rest(): Promise<Load> {
    if (loading === undefined) throw new Error('there is no load');
    const { timer, results, underWay } = loading;
    clearInterval(timer);
    await Promise.all(underWay);
    const waited = await count('dpf_token_served_total', 'mint');
    return { ...together(results), calls: results.length, waited };
  },
  async look(): Promise<Look> {
    const { source } = await auth.status();
    return {
      source,
      token: (await auth.cachedToken()) ?? null,
      servedFromMemory: await count('dpf_token_served_total', 'memory'),
      waits: await count('dpf_token_waits_total'),
      waited: await count('dpf_token_served_total', 'mint'),
    };
  },
};

async function outcomesOf(calls: Promise<string>[]): Promise<Outcomes> {
  const failures: Record<string, number> = {};
  const tokens = new Set<string>();
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === 'fulfilled') tokens.add(result.value);
    else {
      const { code, detail, message } = asFailure(result.reason);
      const reason = `${code}: ${detail.reason ?? message}`;
      failures[reason] = (failures[reason] ?? 0) + 1;
    }
  }
  return { tokens: [...tokens], failures };
}

async function count(metric: string, source?: string): Promise<number> {
  const values = (await registry.getSingleMetric(metric)?.get())?.values ?? [];
  const wanted = values.filter(({ labels }) => source === undefined || labels.source === source);
  return wanted.reduce((sum, { value }) => sum + value, 0);
}

process.on(
  'message',
  async ({ id, question, ask }: { id: number; question: keyof Questions; ask: never }) => {
    try {
      process.send?.({ id, answer: await answers[question](ask) });
    } catch (error) {
      process.send?.({ id, error: String(error) });
    }
  },
);
process.on('disconnect', () => process.exit());
