import { expect } from 'chai';
import type { FaultSpec } from '../../../src/simulator/faults.ts';
import { QUICK, useService } from '../../support/service.ts';

describe('an answer that cannot change', () => {
  const service = useService({ ...QUICK, PAGE_ATTEMPTS: '5', EBAY_MAX_BODY_BYTES: '1000000' });
  const faults: [name: string, fault: FaultSpec][] = [
    ['301', { fault: 'redirect', status: 301 }],
    ['304', { fault: 'redirect', status: 304 }],
    ['501', { fault: 'status', status: 501 }],
    ['a body beyond EBAY_MAX_BODY_BYTES', { fault: 'huge-body', bytes: 3_000_000 }],
  ];
  for (const [name, fault] of faults)
    it(`${name} costs one call of the day, and the search ends with it`, async () => {
      service.simulator.controls.arm({ ...fault, on: { endpoint: 'search' } });
      const { error } = await service.search({ query: 'lamp' });
      expect(error?.code).to.be.oneOf(['ebay-bad-answer', 'ebay-server-error']);
      expect(service.simulator.controls.log({ kind: 'search' })).to.have.length(1);
    });

  it('is another thing than one that may, which is asked for PAGE_ATTEMPTS times', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, on: { endpoint: 'search' } });
    expect((await service.search({ query: 'lamp' })).error?.code).to.equal('ebay-server-error');
    expect(service.simulator.controls.log({ kind: 'search' })).to.have.length(5);
  });
});
