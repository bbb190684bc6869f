import { expect } from 'chai';
import fc from 'fast-check';
import type { InputError } from '../../../../src/product/schemaErrors.ts';
import { parseAlert } from '../../../../src/queue/alerts/definition.ts';

const drop = { on: 'drop' };
const alert = { name: 'cheap', track: 'lenses', when: [drop] };

function errorsOf(input: unknown): InputError[] {
  const parsed = parseAlert(input);
  return parsed.ok ? [] : parsed.errors;
}

/** `path code` of each. */
const wrong = (input: unknown) => errorsOf(input).map(({ path, code }) => `${path} ${code}`);
const wrongCondition = (condition: unknown) => wrong({ ...alert, when: [condition] });

describe('the definition of an alert', () => {
  it('gets its defaults', () => {
    const when = [drop, { on: 'new' }, { on: 'lowest' }];
    expect(parseAlert({ ...alert, when })).to.deep.equal({
      ok: true,
      definition: {
        name: 'cheap',
        track: 'lenses',
        when: [
          { on: 'drop', basis: 'delivered' },
          { on: 'new', relisted: false },
          { on: 'lowest', of: 'all', basis: 'delivered' },
        ],
        rearm: 86_400,
        tz: 'UTC',
        dailyCap: 100,
      },
    });
  });

  it('compares a listing of a watchlist with itself unless it says otherwise', () => {
    const ofList = (condition: object) =>
      parseAlert({ name: 'a', watchlist: 'b', when: [condition] }) as unknown as {
        definition: { when: object[] };
      };
    expect(ofList({ on: 'lowest' }).definition.when[0]).to.include({ of: 'listing' });
    expect(ofList({ on: 'lowest', of: 'all' }).definition.when[0]).to.include({ of: 'all' });
  });

  it('is read once more as it is', () => {
    const first = parseAlert({
      ...alert,
      when: [
        { on: 'price-below', price: '19.99', currency: 'EUR' },
        { on: 'stock-below', quantity: 3 },
      ],
      quiet: { from: '22:00', to: '07:00' },
      title: { exclude: ['case'] },
      conditionIds: ['1000'],
    });
    expect(first.ok && parseAlert(first.definition)).to.deep.equal(first);
  });

  it('has all that is wrong named at once', () => {
    const input = {
      name: 'No Name',
      schedule: 'x',
      track: 'y',
      when: [{ on: 'drop', percent: 0, colour: 'red' }, { on: 'soon' }, 7],
      tz: 'Berlin',
      quiet: { from: '24:00', to: '07:00', also: 1 },
      dailyCap: 0,
      sound: true,
    };
    expect(wrong(input)).to.have.members([
      'sound unknown_field',
      'name invalid_name',
      'schedule conflict',
      'tz invalid_time_zone',
      'quiet.from invalid_value',
      'quiet.also unknown_field',
      'dailyCap invalid_value',
      'when.0.colour unknown_field',
      'when.0.percent invalid_value',
      'when.1.on unknown_condition',
      'when.2 invalid_value',
    ]);
  });

  it('names the fields that are known where an unknown one stands', () => {
    const [error] = errorsOf({ ...alert, quiet: { from: '22:00', to: '07:00', also: 1 } });
    expect(error?.message).to.equal('is no field of quiet; known here: from, to');
  });

  it('needs one source, a name and conditions', () => {
    expect(wrong({})).to.have.members(['name required', 'track required', 'when required']);
    expect(wrong({ ...alert, when: [] })).to.deep.equal(['when invalid_value']);
    expect(wrong({ ...alert, when: Array(11).fill(drop) })).to.deep.equal(['when invalid_value']);
  });

  it('has an amount with its currency, and no percentage beside it', () => {
    expect(wrongCondition({ on: 'drop', amount: '5' })).to.deep.equal(['when.0.currency required']);
    expect(wrongCondition({ on: 'rise', currency: 'USD' })).to.deep.equal(['when.0.amount required']);
    expect(wrongCondition({ on: 'drop', amount: '5', currency: 'USD', percent: 5 })).to.deep.equal([
      'when.0.percent conflict',
    ]);
    expect(wrongCondition({ on: 'drop', amount: '5.5', currency: 'JPY' })).to.deep.equal([
      'when.0.amount invalid_value',
    ]);
    expect(wrongCondition({ on: 'price-below', price: '0.00', currency: 'USD' })).to.deep.equal([
      'when.0.price invalid_value',
    ]);
    expect(wrongCondition({ on: 'price-below', price: '5' })).to.deep.equal(['when.0.currency required']);
  });

  it('says why new is none of a watchlist, and that quiet hours end at another time than they begin', () => {
    const [error] = errorsOf({ name: 'a', watchlist: 'b', when: [{ on: 'new' }] });
    expect(error).to.deep.include({ path: 'when.0.on', code: 'conflict' });
    expect(error?.message).to.match(/imported/);
    expect(wrong({ ...alert, quiet: { from: '07:00', to: '07:00' } })).to.deep.equal(['quiet invalid_value']);
  });

  it('is read from any value without an exception, and what is accepted is accepted once more', () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.record(
        {
          name: fc.anything(),
          track: fc.oneof(fc.constant('t'), fc.anything()),
          watchlist: fc.anything(),
          when: fc.oneof(fc.anything(), fc.array(fc.anything()), fc.array(fc.record({ on: fc.anything() }))),
          tz: fc.oneof(fc.string(), fc.anything()),
          quiet: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(anything, (input) => {
        const parsed = parseAlert(input);
        if (parsed.ok) expect(parseAlert(parsed.definition)).to.deep.equal(parsed);
        else expect(parsed.errors).to.have.lengthOf.above(0);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
