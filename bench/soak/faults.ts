import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultChoice } from '../../src/simulator/faults.ts';
import type { SimulatorControl } from '../../test/support/simulatorControl.ts';
import type { ProxyMode, TcpProxy } from '../../test/support/tcpProxy.ts';
import type { RedisProcess } from '../outage/redisProcess.ts';

export interface Stage {
  ebay: SimulatorControl;
  redis: RedisProcess;
  proxy: TcpProxy;
  /** Kills a worker that is not measured, and starts another. */
  replaceWorker(): Promise<void>;
}

/** Each over within `FAULT_MS` of its beginning. */
export const FAULT_MS = 10_000;

const strike = (fault: FaultChoice, share: number) => async (stage: Stage) => {
  await stage.ebay.arm({ ...fault, share });
  await sleep(FAULT_MS / 2);
  await stage.ebay.clear();
};

const network = (mode: ProxyMode) => async (stage: Stage) => {
  stage.proxy.mode = mode;
  await sleep(FAULT_MS / 2);
  stage.proxy.mode = 'ok';
};

/** One a minute, in turns. */
export const FAULTS: Record<string, (stage: Stage) => Promise<void>> = {
  'eBay answers 503 to half of the calls': strike({ fault: 'status' }, 0.5),
  'a worker is killed': (stage) => stage.replaceWorker(),
  'connections to Redis are reset': network('reset'),
  'eBay resets a third of the connections': strike({ fault: 'reset' }, 0.33),
  'every token is revoked': async ({ ebay }) => void (await ebay.revokeTokens()),
  'Redis is killed and comes back': async ({ redis }) => {
    await redis.kill();
    await sleep(1000);
    await redis.start();
  },
  'eBay asks for a pause': (stage) =>
    stage.ebay.arm({ fault: 'rate-limited', retryAfter: 3, count: 1 }).then(),
  'Redis stalls': network('stall'),
  'eBay sends broken JSON to a third': strike({ fault: 'malformed' }, 0.33),
  'connections to Redis die without a word': network('vanish'),
};
