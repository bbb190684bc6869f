import { expect } from 'chai';
import { nextPacificMidnight } from '../../../src/simulator/quota.ts';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

const RATE_LIMIT = '/developer/analytics/v1_beta/rate_limit/';

describe("the simulator's daily quota", () => {
  const simulator = useSimulator();
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
  });
  const search = () => get(simulator().url, `${SEARCH}?q=yoga+mat&limit=1`, token);
  const reported = async () => {
    const response = await get(simulator().url, `${RATE_LIMIT}?api_name=browse&api_context=buy`, token);
    const { rateLimits } = (await response.json()) as {
      rateLimits: [{ apiName: string; resources: { name: string; rates: [Record<string, unknown>] }[] }];
    };
    return rateLimits[0];
  };

  it('is reported by Analytics as API "Browse" with two resources', async () => {
    simulator().controls.quota({ limit: 5000, used: 110 });
    const { apiName, resources } = await reported();
    expect(apiName).to.equal('Browse');
    expect(resources.map(({ name }) => name)).to.deep.equal(['buy.browse', 'buy.browse.item.bulk']);
    expect(resources[0]?.rates[0]).to.include({
      count: 110,
      limit: 5000,
      remaining: 4890,
      timeWindow: 86400,
    });
  });

  it('falls with every Browse call, and not with an Analytics call', async () => {
    simulator().controls.quota({ limit: 5000, used: 0 });
    await search();
    await search();
    await reported();
    expect(simulator().controls.quota()).to.include({ used: 2, remaining: 4998 });
  });

  it('counts a call that a fault answered, but none that was refused for its token', async () => {
    simulator().controls.quota({ used: 0 });
    simulator().controls.arm({ fault: 'status', status: 503, count: 1 });
    await search();
    await get(simulator().url, `${SEARCH}?q=yoga`, 'invented');
    expect(simulator().controls.quota()).to.include({ used: 1 });
  });

  it('answers 429 with 2001 once used up, until the window ends', async () => {
    simulator().controls.quota({ limit: 5000, remaining: 1, resetInS: 3600 });
    expect((await search()).status).to.equal(200);
    const refused = await search();
    expect(refused.status).to.equal(429);
    expect(await refused.json()).to.have.nested.property('errors[0].errorId', 2001);
    simulator().controls.quota({ resetInS: 0 });
    expect((await search()).status).to.equal(200);
    expect(simulator().controls.quota()).to.include({ used: 1 });
  });

  it('answers 204 for an API that it does not offer', async () => {
    expect((await get(simulator().url, `${RATE_LIMIT}?api_name=inventory`, token)).status).to.equal(204);
  });

  it('ends at midnight in California, in winter and in summer', () => {
    const next = (from: string) => new Date(nextPacificMidnight(Date.parse(from))).toISOString();
    expect(next('2026-02-16T20:00:00Z')).to.equal('2026-02-17T08:00:00.000Z');
    expect(next('2026-08-16T08:00:00Z')).to.equal('2026-08-17T07:00:00.000Z');
    expect(next('2026-02-17T08:00:00Z')).to.equal('2026-02-18T08:00:00.000Z');
  });
});
