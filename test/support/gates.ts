import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { CallClass, CallGate, Slot } from '../../src/ebay/gate/gate.ts';
import { type GateSettings, gateSettings } from '../../src/ebay/gate/gateSettings.ts';
import { redisGate } from '../../src/ebay/gate/redisGate.ts';
import { Failure } from '../../src/failures.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { testConfig } from './config.ts';

/** No pacing and a large day unless a test says otherwise; a changed interval is noticed after 50 ms. */
export function testGateSettings(own: Partial<GateSettings> = {}): GateSettings {
  return { ...gateSettings(testConfig()), intervalMs: 0, maxSleepMs: 50, ...own };
}

type Verify = () => Promise<boolean>;
export type MakeGate = (own?: Partial<GateSettings>, log?: Logger, verify?: Verify) => CallGate;

/** @param verify of a gate that waits for eBay's count where Redis has none */
export function inRedis(connect: () => Redis, tenant = 'default'): MakeGate {
  return (own, log, verify) =>
    redisGate({
      redis: connect(),
      prefix: '{t}',
      tenant,
      settings: testGateSettings(own),
      ...(log ? { log } : {}),
      ...(verify ? { verify } : {}),
    });
}

/** Enters and sends at once. */
export async function pass(gate: CallGate, callClass: CallClass = 'interactive'): Promise<Slot> {
  const slot = await gate.enter({ class: callClass });
  slot.sent();
  return slot;
}

/** The failure that something rejects with; a success is none. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('expected a failure, but it succeeded');
}

/** How many of these got a slot, and the codes of the others. */
export async function tally(entries: Promise<unknown>[]): Promise<{ passed: number; codes: string[] }> {
  const ends = await Promise.allSettled(entries);
  const codes = ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as Failure).code] : []));
  return { passed: ends.length - codes.length, codes: [...new Set(codes)] };
}

/** Differences between neighbours. */
export function gapsOf(instants: number[]): number[] {
  return instants.slice(1).map((at, index) => at - (instants[index] as number));
}

/**
 * That these calls left an interval apart. On a busy machine one that missed slots may be some 16 ms late, and the slot after it
 * may have been granted before.
 */
export function expectPaced(times: number[], intervalMs: number): void {
  const gaps = gapsOf(times);
  expect(Math.min(...gaps)).to.be.at.least(intervalMs - 30);
  expect(gaps.reduce((sum, gap) => sum + gap, 0)).to.be.at.least(gaps.length * intervalMs - 30);
}
