import { expect } from 'chai';
import { delays, evidenceOf, overtaken } from '../../bench/alerts/evidence.ts';
import { type Arrival, startWebhook } from '../../bench/alerts/receivers.ts';

const wanted = ['10.00', '8.00', '6.00'].map((price, index) => ({
  itemId: 'v1|1|0',
  price,
  at: index * 100,
}));

function arrival(id: string, price: string, at: number, status = 204): Arrival {
  const hit = { itemId: 'v1|1|0', to: { value: price, currency: 'USD' } };
  return { id, at, status, message: { kind: 'alert', hits: [hit] } as Arrival['message'] };
}
const evidence = (arrivals: Arrival[], dead: string[] = []) =>
  evidenceOf({ behaviour: 'sound', arrivals }, wanted, new Set(dead), ['a', 'b', 'c']);

describe('the evidence of the bench of alerts', () => {
  const all = [arrival('a', '10.00', 20), arrival('b', '8.0', 130), arrival('c', '6.00', 240)];

  it('finds nothing wrong where each alert was taken once, in order', () => {
    const { channel, requests, taken, ...faults } = evidence(all);
    expect({ channel, requests, taken }).to.deep.equal({ channel: 'sound', requests: 3, taken: 3 });
    const none = { lost: 0, unwanted: 0, repeated: 0, repeatedLate: 0, otherId: 0, overtaken: 0 };
    expect(faults).to.deep.equal(none);
  });

  it('counts an alert as lost that was refused, unless it is a dead letter', () => {
    const refused = [...all.slice(0, 2), arrival('c', '6.00', 240, 500)];
    expect(evidence(refused)).to.include({ taken: 2, lost: 1 });
    expect(evidence(refused, ['c'])).to.include({ taken: 2, lost: 0 });
    expect(evidence(all.slice(0, 2), ['c'])).to.include({ lost: 1 });
  });

  it('counts what was taken twice, under another id, or is of no change', () => {
    expect(evidence([...all, arrival('c', '6.00', 300)])).to.include({
      repeated: 1,
      repeatedLate: 0,
      otherId: 0,
    });
    expect(evidence([...all, arrival('a', '10.00', 300)])).to.include({ repeated: 1, repeatedLate: 1 });
    expect(evidence([...all, arrival('d', '6.00', 300)])).to.include({ repeated: 0, otherId: 1 });
    expect(evidence([...all, arrival('d', '7.00', 300)])).to.include({ unwanted: 1 });
    expect(evidence([arrival('a', '10.00', 10, 500), ...all])).to.include({ repeated: 0 });
  });

  it('compares first arrivals alone with the order of the outbox', () => {
    const order = ['a', 'b', 'c', 'd'];
    expect(overtaken(['a', 'b', 'd'], order)).to.equal(0);
    expect(overtaken(['a', 'c', 'b', 'd'], order)).to.equal(1);
    expect(evidence([...all, arrival('a', '10.00', 300)]).overtaken).to.equal(0);
  });

  it('measures a delay until the first arrival', () => {
    expect(delays([...all, arrival('a', '10.00', 300)], wanted)).to.deep.equal([20, 30, 40]);
  });

  it('has receivers that fail in their way, and note every request', async () => {
    const receiver = await startWebhook('failing', 1);
    const body = JSON.stringify({ data: all[0]?.message });
    const statuses: number[] = [];
    for (let index = 0; index < 40; index += 1) {
      const headers = { 'webhook-id': `m${index}` };
      statuses.push((await fetch(receiver.url, { method: 'POST', headers, body })).status);
    }
    await receiver.close();
    expect(receiver.arrivals.map(({ status }) => status)).to.deep.equal(statuses);
    expect(receiver.arrivals.map(({ id }) => id)).to.include.members(['m0', 'm39']);
    expect(new Set(statuses)).to.deep.equal(new Set([204, 500]));
  });
});
