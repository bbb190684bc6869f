import { trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { type Logger, NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { spanFields } from '../../../src/telemetry/tracing.ts';
import { inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { useSpans } from '../../support/spans.ts';
import { waitFor } from '../../support/waitFor.ts';

const NAMES = ['first', 'second', 'third'];

describe('a call gate that calls of several traces wait at', () => {
  useSpans();
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());

  it('does in the trace of each call what is for that call, and the rest in none', async () => {
    const traceNow = () => spanFields().trace_id;
    const lines: Array<{ message: string; at: string | undefined }> = [];
    const note = (message: string) => lines.push({ message, at: traceNow() });
    const log = { ...NOOP_LOGGER, debug: note, info: note, warn: note } as Logger;
    const verified: Array<string | undefined> = [];
    let confirm: ((done: boolean) => void) | undefined;
    const shares = { interactive: 1, scheduled: 0.1, backfill: 0.2 };
    // Redis has no count yet: the first call's ask has the gate ask eBay.
    const gate = makeGate({ intervalMs: 20, dailyLimit: 10, shares }, log, () => {
      verified.push(traceNow());
      return new Promise((resolve) => {
        confirm = resolve;
      });
    });
    const prepared: Array<string | undefined> = [];
    const calls = NAMES.map((name) =>
      trace.getTracer('caller').startActiveSpan(name, async (span) => {
        const beforeSend = async () => prepared.push(traceNow());
        const slot = await gate.enter({ class: 'interactive', beforeSend });
        slot.sent();
        span.end();
        return span.spanContext().traceId;
      }),
    );
    (await waitFor('the question to eBay', () => confirm))(false);
    const traces = await Promise.all(calls);
    expect(new Set(traces).size).to.equal(3);
    const admitted = lines.filter(({ message }) => message === 'call admitted');
    // A call that misses its slot on a busy machine leaves after the one behind it.
    expect(admitted.map(({ at }) => at)).to.have.members(traces);
    expect(verified, 'eBay’s count').to.deep.equal([undefined]);
    expect([...new Set(prepared)], 'what is prepared').to.have.members(traces);
    const others = lines.filter(({ message }) => message !== 'call admitted');
    expect(others.map(({ message }) => message)).to.include('quota share spent');
    expect(new Set(others.map(({ at }) => at))).to.deep.equal(new Set([undefined]));
  });
});
