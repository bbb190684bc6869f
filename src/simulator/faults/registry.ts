import { clock } from './clock.ts';
import { expiredToken } from './expiredToken.ts';
import type { Effect, Fault, Struck } from './fault.ts';
import { fields } from './fields.ts';
import { hang } from './hang.ts';
import { html } from './html.ts';
import { hugeBody } from './hugeBody.ts';
import { latency } from './latency.ts';
import { malformed } from './malformed.ts';
import { oauthRefusal } from './oauthRefusal.ts';
import { oddItems } from './oddItems.ts';
import { rateLimited } from './rateLimited.ts';
import { redirect } from './redirect.ts';
import { reset } from './reset.ts';
import { slowBody } from './slowBody.ts';
import { status } from './status.ts';
import { truncated } from './truncated.ts';

/** Every fault by the name that arms it. */
export const FAULTS = {
  status,
  'expired-token': expiredToken,
  'rate-limited': rateLimited,
  'oauth-refusal': oauthRefusal,
  latency,
  hang,
  reset,
  truncated,
  malformed,
  html,
  'slow-body': slowBody,
  'huge-body': hugeBody,
  fields,
  'odd-items': oddItems,
  redirect,
  clock,
};

type Faults = typeof FAULTS;
export type FaultName = keyof Faults;

/** A fault's name together with its own parameters. */
export type FaultChoice = {
  [Name in FaultName]: { readonly fault: Name } & (Faults[Name] extends Fault<infer Parameters>
    ? Parameters
    : never);
}[FaultName];

export function isFaultName(name: unknown): name is FaultName {
  return typeof name === 'string' && Object.hasOwn(FAULTS, name);
}

export function strike(choice: FaultChoice, struck: Struck): Effect {
  const fault = FAULTS[choice.fault] as Fault<FaultChoice>;
  return fault(choice, struck);
}
