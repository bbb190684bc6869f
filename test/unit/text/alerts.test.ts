import { expect } from 'chai';
import type { Condition } from '../../../src/product/alertSchema.ts';
import type { AlertReport } from '../../../src/queue/alerts/alerts.ts';
import { parseAlert } from '../../../src/queue/alerts/definition.ts';
import {
  alertRuleTexts,
  alertSourceText,
  alertTimeTexts,
  alertTodayText,
  conditionWords,
} from '../../../src/text/alerts.ts';

function alert(change: object): AlertReport {
  const parsed = parseAlert({ name: 'a', when: [{ on: 'gone' }], track: 't', ...change });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return { ...parsed.definition, sentToday: 3, withheldToday: 0 } as AlertReport;
}

describe('the words of an alert', () => {
  it('say each condition', () => {
    const conditions: Array<[condition: Condition, words: string]> = [
      [{ on: 'new' }, 'a new listing'],
      [{ on: 'new', relisted: true }, 'a new listing, also one listed again'],
      [{ on: 'gone' }, 'no longer for sale'],
      [{ on: 'back-in-stock' }, 'back in stock'],
      [{ on: 'stock-below', quantity: 3 }, 'fewer than 3 left'],
      [{ on: 'price-below', price: '20', currency: 'USD' }, 'delivered price below $20.00'],
      [{ on: 'drop', percent: 10 }, 'delivered price falls by 10 %'],
      [{ on: 'drop', basis: 'item' }, 'item price falls'],
      [{ on: 'rise', amount: '5', currency: 'GBP' }, 'delivered price rises by £5.00'],
      [{ on: 'lowest' }, 'lowest delivered price of all listings'],
      [{ on: 'lowest', of: 'listing', basis: 'item' }, 'lowest item price of a listing'],
    ];
    const said = alert({ when: conditions.map(([condition]) => condition).slice(0, 10) }).when.map(
      conditionWords,
    );
    expect(said).to.deep.equal(conditions.map(([, words]) => words).slice(0, 10));
    expect(alert({ when: [conditions[10]?.[0]] }).when.map(conditionWords)).to.deep.equal([
      conditions[10]?.[1],
    ]);
  });

  it('say what it is about, which listings count, and when its messages are sent', () => {
    const full = alert({
      ...{ track: undefined, watchlist: 'hubs', title: { include: ['usb'], exclude: ['case'] } },
      ...{ seller: { minFeedbackPercentage: 98 }, conditionIds: ['1000'], digest: 1800, dailyCap: 1 },
      ...{ quiet: { from: '22:00', to: '07:00' }, tz: 'Europe/Berlin' },
    });
    expect(alertSourceText(full)).to.equal('watchlist hubs');
    expect(alertRuleTexts(full)).to.deep.equal([
      'title with usb',
      'title without case',
      'seller from 98 % on',
      'condition 1000',
    ]);
    expect(alertTimeTexts(full)).to.deep.equal([
      'at most every 30 min',
      'not from 22:00 to 07:00 (Europe/Berlin)',
      'at most 1 alert a day',
    ]);
    expect(alertTimeTexts(alert({}))).to.deep.equal(['at once', 'at most 100 alerts a day']);
    expect(alertTodayText(full)).to.equal('3');
    expect(alertTodayText({ ...full, withheldToday: 2 })).to.equal('3, 2 kept back');
  });
});
