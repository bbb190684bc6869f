import { expect } from 'chai';
import fc from 'fast-check';
import { alertForm, alertFromForm, valuesOfAlert } from '../../../../src/http/page/alerts/alertForms.ts';
import type { AlertReport } from '../../../../src/queue/alerts/alerts.ts';
import { type AlertDefinition, parseAlert } from '../../../../src/queue/alerts/definition.ts';

function definitionOf(written: object): AlertDefinition | undefined {
  const parsed = parseAlert({ name: 'ed', track: 'hubs', ...written });
  return parsed.ok ? parsed.definition : undefined;
}

const plain = (text: string) =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
const attribute = (tag: string, name: string) => plain(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '');

/** What a browser sends of the form as it is. */
function sentBy(text: string): Record<string, string> {
  const inputs = [...text.matchAll(/<input [^>]*>/g)].map(([tag]) => [
    attribute(tag, 'name'),
    attribute(tag, 'value'),
  ]);
  const selects = [...text.matchAll(/(<select [^>]*>)(.*?)<\/select>/gs)].map(([, tag = '', inside = '']) => {
    const [first = ''] = /<option [^>]*>/.exec(inside) ?? [];
    const [chosen = first] = /<option [^>]* selected>/.exec(inside) ?? [];
    return [attribute(tag, 'name'), attribute(chosen, 'value')];
  });
  return Object.fromEntries([...inputs, ...selects]);
}

/** The alert once its form is sent. @param typed what is changed in it */
function saved(present: AlertDefinition, typed: Record<string, string> = {}) {
  const values = valuesOfAlert(present);
  const sources = { schedules: ['strips'], watchlists: [], tracks: [] };
  const form = alertForm(
    { values, mistakes: [], present: present as AlertReport },
    sources,
    ['shop', 'phone'],
    null,
  );
  return parseAlert(alertFromForm({ ...sentBy(String(form)), ...typed }, present));
}

const digits = (least: number, most: number) =>
  fc
    .array(fc.constantFrom(...'0123456789'), { minLength: least, maxLength: most })
    .map((all) => all.join(''));
const amount = fc
  .tuple(digits(1, 5), digits(0, 3))
  .map(([whole, rest]) => (rest === '' ? whole : `${whole}.${rest}`));
const currency = fc.constantFrom('USD', 'KWD', 'JPY', 'XPF');
const basis = fc.constantFrom('delivered', 'item', undefined);
const percent = fc.oneof(
  fc.double({ min: 0, max: 100_000, minExcluded: true, noNaN: true }),
  fc.integer({ min: 1, max: 99_999 }).map((n) => n / 1000),
);
const change = fc.constantFrom('drop', 'rise');
const condition = fc.oneof(
  fc.record({ on: fc.constantFrom('gone', 'back-in-stock') }),
  fc.record({ on: fc.constant('new'), relisted: fc.boolean() }),
  fc.record({ on: fc.constant('stock-below'), quantity: fc.integer({ min: 1, max: 1_000_000 }) }),
  fc.record({ on: fc.constant('price-below'), price: amount, currency, basis }),
  fc.record({ on: change, amount, currency, basis }),
  fc.record({ on: change, percent, basis }),
  fc.record({ on: change, basis }),
  fc.record({ on: fc.constant('lowest'), of: fc.constantFrom('listing', 'all', undefined), basis }),
);
const about = fc.constantFrom(
  { track: 'hubs' },
  { track: undefined, schedule: 'strips' },
  { track: undefined, watchlist: 'mugs' },
);
const anyAlert = fc.record({
  when: fc.array(condition, { minLength: 1, maxLength: 2 }),
  about,
  title: fc.constantFrom(undefined, { include: ['a, b'] }),
  seller: fc.constantFrom(undefined, { minFeedbackPercentage: 98.125 }),
  channels: fc.constantFrom(undefined, ['shop'], ['shop', 'phone'], ['gone']),
  rearm: fc.constantFrom(undefined, 60),
  tz: fc.constantFrom(undefined, 'Asia/Tokyo'),
  quiet: fc.constantFrom(undefined, { from: '22:00', to: '07:00' }),
  digest: fc.constantFrom(undefined, 60, 3600, 604_800),
  dailyCap: fc.constantFrom(undefined, 1, 10_000),
});

describe('the form of an alert', () => {
  it('gives back every alert as it is: one that is written otherwise begins again', () => {
    fc.assert(
      fc.property(anyAlert, ({ about: source, ...rest }) => {
        const definition = definitionOf(JSON.parse(JSON.stringify({ ...rest, ...source })));
        fc.pre(definition !== undefined);
        expect(saved(definition as AlertDefinition)).to.deep.equal({ ok: true, definition });
      }),
      { numRuns: 300 },
    );
  });

  it('reads three decimals that it has filled in, beside another condition or currency too', () => {
    const of = (when: object) => definitionOf({ when: [when] }) as AlertDefinition;
    const first = (result: ReturnType<typeof saved>) => result.ok && result.definition.when[0];
    const dinars = { on: 'price-below', price: '12.345', currency: 'KWD', basis: 'delivered' };
    expect(first(saved(of(dinars)))).to.deep.equal(dinars);
    expect(first(saved(of(dinars), { currency: 'OMR' }))).to.deep.equal({ ...dinars, currency: 'OMR' });
    expect(first(saved(of(dinars), { basis: 'item' }))).to.deep.equal({ ...dinars, basis: 'item' });
    expect(first(saved(of(dinars), { price: '12.5' }))).to.deep.equal({ ...dinars, price: '12.5' });
    const fall = { on: 'drop', percent: 12.345, basis: 'delivered' };
    expect(first(saved(of(fall), { on: 'rise' }))).to.deep.equal({ ...fall, on: 'rise' });
    expect(
      first(saved(of({ ...fall, percent: undefined, amount: '012.345', currency: 'KWD' }), { on: 'rise' })),
    ).to.deep.equal({ on: 'rise', amount: '12.345', currency: 'KWD', basis: 'delivered' });
    // What a person types so can mean two things.
    expect(saved(of(dinars), { price: '1.234' }).ok).to.equal(false);
  });
});
