import { expect } from 'chai';
import { refuseSecrets } from '../../../src/cli/program.ts';

describe('secrets as arguments', () => {
  for (const args of [
    ['search', '--client-secret=hush-hush', 'hub'],
    ['token', '--client-secret', 'hush-hush'],
    ['worker', '--ebay-client-secret=hush-hush'],
    ['worker', '--redis-url=redis://:hush-hush@host'],
    ['worker', 'EBAY_CLIENT_SECRET=hush-hush'],
    ['token', '--access-token=hush-hush'],
    ['token', '--PASSWORD=hush-hush'],
  ])
    it(`are refused and not repeated: ${args[1]?.split('=')[0]}`, () => {
      expect(() => refuseSecrets(args))
        .to.throw('pass secrets by environment or file')
        .that.satisfies((error: Error) => !error.message.includes('hush-hush'));
    });

  it('are refused where an API key stands in place of its id', () => {
    const key = `dpf_live_a1b2c3d4e5_${'hush-hush'.repeat(5).slice(0, 43)}`;
    expect(() => refuseSecrets(['keys', 'revoke', key]))
      .to.throw('use its id, a1b2c3d4e5')
      .that.satisfies((error: Error) => !error.message.includes('hush-hush'));
  });

  it('are not seen in a query or a seller’s name', () => {
    refuseSecrets([
      'search',
      'secret garden token --client',
      '--seller',
      'password',
      '--',
      '--client-secret',
    ]);
  });
});
