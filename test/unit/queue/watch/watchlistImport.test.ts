import { expect } from 'chai';
import { RecordReader } from '../../../../src/app/backupFile.ts';
import { parseSearchRequest } from '../../../../src/product/parseRequest.ts';
import { parseWatchlist } from '../../../../src/queue/watch/watchlists/definition.ts';
import { readImport } from '../../../../src/queue/watch/watchlists/import.ts';
import { watchedCsv } from '../../../../src/text/watchlists.ts';

const [ONE, TWO, THREE] = ['110000000001', '110000000002', '110000000003'];
const csv = (text: string | Uint8Array, column?: string) =>
  readImport({ csv: text, ...(column !== undefined && { column }) });
const seenNever = (item: string | undefined, columns: Record<string, string>) => ({
  ...{ item: item as string, columns, state: 'waiting' as const, itemId: null, price: null, shipping: null },
  ...{ quantity: null, quantityMoreThan: null, lastSeen: null, nextCheck: null },
});
const entriesOf = (text: string | Uint8Array) => Object.fromEntries(csv(text).entries);

describe('The import of a watchlist', () => {
  it('reads ids, item ids and addresses, and knows a listing with a variation from one without', () => {
    const entries = [
      ONE,
      `v1|${TWO}|0`,
      `v1|${TWO}|77`,
      `https://www.ebay.de/itm/title/${THREE}?var=5`,
      { item: `https://www.ebay.com/itm/${THREE}`, sku: 'S', resale: 9.5, own: true, empty: null },
    ];
    const read = readImport({ entries });
    expect(read.errors).to.deep.equal([]);
    expect([...read.entries.keys()]).to.deep.equal([ONE, TWO, `v1|${TWO}|77`, `v1|${THREE}|5`, THREE]);
    expect(read.entries.get(THREE)).to.deep.equal({ sku: 'S', resale: '9.5', own: 'true' });
  });

  it('finds delimiter, byte order mark and the column of the listings in a CSV', () => {
    const wanted = { [ONE]: { SKU: 'A;1', price: '1,50' }, [TWO]: { price: '2' } };
    expect(entriesOf(`\ufeffSKU;Item ID;price\r\n"A;1";${ONE};1,50\r\n;${TWO};2\r\n\r\n`)).to.deep.equal(
      wanted,
    );
    const utf16 = Buffer.concat([
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`SKU\tItem number\tprice\nA;1\t${ONE}\t1,50\n\t${TWO}\t2`, 'utf16le'),
    ]);
    expect(entriesOf(utf16)).to.deep.equal(wanted);
    expect(Object.keys(entriesOf(`${ONE}\n${TWO}\n`))).to.deep.equal([ONE, TWO]);
    const named = csv(`url,mine\nx,${ONE}\n`, 'mine');
    expect(Object.fromEntries(named.entries)).to.deep.equal({ [ONE]: { url: 'x' } });
  });

  it('reads every line to its end, whichever the ends of the others are, and line breaks within quotes', () => {
    const wanted = { [ONE as string]: { sku: 'A' }, [TWO as string]: { sku: 'B' } };
    for (const text of [
      `item,sku\r\n${ONE},A\r\n${TWO},B\n`,
      `item,sku\n${ONE},A\r\n${TWO},B\r\n`,
      `item,sku\r\n${ONE},A\n${TWO},B\n`,
      `item,sku\r${ONE},A\r\n\n\r${TWO},B`,
      `item,sku\r\n${ONE},"A"\n${TWO},"B"\r`,
    ])
      expect(csv(text), JSON.stringify(text)).to.deep.include({ errors: [], lines: 2 });
    for (const text of [`item,sku\r\n${ONE},A\r\n${TWO},B\n`, `item,sku\n${ONE},A\r\n${TWO},"B"\r\n`])
      expect(entriesOf(text), JSON.stringify(text)).to.deep.equal(wanted);
    expect(entriesOf(`item,note,more\r\n${ONE},"one\ntwo","a\r\nb"\n`)).to.deep.equal({
      [ONE as string]: { note: 'one\ntwo', more: 'a\r\nb' },
    });
  });

  it('finds the delimiter in the header, with or without quotes, whatever follows', () => {
    const wanted = { [ONE as string]: { size: '5" hub, slim, red', 'a,b,c': '2' } };
    for (const text of [
      `item;size;"a,b,c"\n${ONE};"5"" hub, slim, red";2\n`,
      `\r\n\nitem;size;"a,b,c"\n${ONE};5" hub, slim, red;2\n`,
    ])
      expect(entriesOf(text), text).to.deep.equal(wanted);
    expect(entriesOf(`item;5" hub;7" hub\n${ONE};1;2\n`)).to.deep.equal({
      [ONE as string]: { '5" hub': '1', '7" hub': '2' },
    });
    const rest = `,${'x'.repeat(190)}`.repeat(4);
    const lines = Array.from({ length: 20_000 }, (_, n) => `${110_000_000_000 + n}${rest}`);
    const large = csv(['item,a,b,c,d', `${ONE},5" hub`, ...lines.slice(1)].join('\n'));
    expect(large).to.deep.include({ errors: [], lines: 20_000 });
  });

  it('says line and column of everything that is wrong', () => {
    const long = 'x'.repeat(201);
    const read = csv(
      [
        'item,sku',
        `${ONE},fine`,
        'nonsense,1',
        '1.10588E+11,2',
        `${TWO},${long}`,
        `"https://www.ebay.com/sch/1",3`,
        ',4',
        `${THREE},5,6`,
      ].join('\n'),
    );
    expect(read.errors.map(({ line, column }) => [line, column])).to.deep.equal([
      [3, 'item'],
      [4, 'item'],
      [5, 'sku'],
      [6, 'item'],
      [7, 'item'],
      [8, null],
    ]);
    expect(read.errors[1]?.message).to.include('format the column as text');
    expect([...read.entries.keys()]).to.deep.equal([ONE]);
    expect(csv('name,sku\na,b').errors[0]).to.deep.include({ line: 0, column: null });
    expect(csv('a,"b\n').errors[0]?.message).to.include('is no CSV');
    expect(csv(new Uint8Array([0xc3, 0x28])).errors[0]).to.include({ line: 0 });
  });

  it('counts duplicates, of which the last one stands, and stops at 20,000 listings and 20 columns', () => {
    const twice = csv(`item,sku\n${ONE},a\nv1|${ONE}|0,b\n`);
    expect(twice).to.include({ duplicates: 1, lines: 2 });
    expect(twice.entries.get(ONE as string)).to.deep.equal({ sku: 'b' });
    const ids = Array.from({ length: 20_001 }, (_, index) => String(110_000_000_000 + index));
    const many = readImport({ entries: ids });
    expect(many.entries.size).to.equal(20_000);
    expect(many.errors.map(({ line }) => line)).to.deep.equal([20_001]);
    const columns = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`c${n}`, 'x']));
    expect(readImport({ entries: [{ item: ONE as string, ...columns }] }).errors[0]?.message).to.include(
      '20 are the most',
    );
  });

  it('refuses what has more lines, columns or characters in a line than a list can have', () => {
    const wrong = (text: string) => csv(text).errors.map(({ line, message }) => `${line} ${message}`);
    expect(wrong(`item,a\n${',\n'.repeat(41_000)}`)).to.deep.equal(['0 has more than 40000 lines']);
    expect(wrong('1\n'.repeat(41_000))).to.deep.equal(['0 has more than 40000 lines']);
    const names = Array.from({ length: 1001 }, (_, n) => `c${n}`).join(',');
    expect(wrong(`item,${names}\n`)).to.deep.equal(['0 has 1002 columns; 1000 are the most']);
    const long = ['0 has a line of more than 100000 characters'];
    expect(wrong(`item\n${','.repeat(100_001)}`)).to.deep.equal(long);
    expect(wrong(`item\n${ONE}\n${','.repeat(100_001)}\n${ONE}`)).to.deep.equal(long);
    expect(wrong(`item,a\n${ONE},"${'x\n'.repeat(60_000)}"`)[0]).to.match(/^0 is no CSV/);
    const lines = `${ONE},${'x'.repeat(100)}\n`.repeat(3000);
    expect(csv(`item,a\n${lines}`)).to.deep.include({ errors: [], lines: 3000 });
  });

  it('reads what an export has written, and what spreadsheets write', () => {
    const columns = {
      ...{ item: 'mine', delta: '-5', sum: '=1+1', text: "'quoted'" },
      ...{ inner: 'a; =b|-1,-2', own: "a;'b", '=col': 'x', '@a;-b': 'y' },
    };
    const exported = csv(watchedCsv([seenNever(ONE, columns)]));
    expect(exported.errors).to.deep.equal([]);
    expect(exported.entries.get(ONE as string)).to.deep.equal(columns);
    // Another file's apostrophe is its own.
    expect(entriesOf(`item,delta\n${ONE},'-5\n`)).to.deep.equal({ [ONE as string]: { delta: "'-5" } });
    expect(entriesOf(`sep=;\nitem;size\n${ONE};5" tube\n`)).to.deep.equal({
      [ONE as string]: { size: '5" tube' },
    });
  });
});

describe('Own columns called as members that every object has', () => {
  const NAMES = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];

  it('are read from CSV and from entries, and hold what is written', () => {
    const read = csv(`item,${NAMES.join(',')}\n${ONE},a,b,c,d\n${TWO},,,,\n`);
    expect(read.errors).to.deep.equal([]);
    expect(Object.entries(read.entries.get(ONE as string) ?? {})).to.deep.equal(
      NAMES.map((name, index) => [name, 'abcd'[index]]),
    );
    expect(Object.keys(read.entries.get(TWO as string) ?? {})).to.deep.equal([]);
    const entry = JSON.parse(`{"item": "${ONE}", "__proto__": "c", "constructor": "a"}`);
    const own = readImport({ entries: [entry] }).entries.get(ONE as string) ?? {};
    expect(Object.entries(own)).to.deep.equal([
      ['__proto__', 'c'],
      ['constructor', 'a'],
    ]);
  });

  it('are empty in an export for a listing without them, and can be imported again', () => {
    const { entries } = csv(`item,${NAMES.join(',')}\n${ONE},a,b,c,d\n${TWO},,,,\n`);
    // As a store reads them.
    const stored = [...entries].map(([id, own]) => seenNever(id, JSON.parse(JSON.stringify(own))));
    const text = watchedCsv(stored);
    expect(text.split('\r\n')[2]).to.equal(`${TWO},waiting${','.repeat(9 + NAMES.length)}`);
    expect(JSON.stringify([...csv(text).entries])).to.equal(JSON.stringify([...entries]));
  });
});

describe('The options of a watchlist', () => {
  const limits = { marketplace: 'EBAY_DE', minInterval: 60 };
  const pathsOf = (input: unknown) => {
    const parsed = parseWatchlist(input, limits);
    return parsed.ok ? [] : parsed.errors.map(({ path, code }) => `${path} ${code}`);
  };

  it('have defaults', () => {
    const parsed = parseWatchlist({ name: 'supplies' }, limits);
    expect(parsed.ok && parsed.definition).to.deep.equal({
      name: 'supplies',
      marketplace: 'EBAY_DE',
      atLeastEvery: 21_600,
      atMostEvery: 60,
      value: 1,
      quantity: false,
    });
  });

  it('are refused one by one', () => {
    expect(pathsOf({ name: 'Big List', atMostEvery: 'x', value: 0, other: 1 })).to.have.members([
      'name invalid_name',
      'atMostEvery invalid_value',
      'value invalid_value',
      'other unknown_field',
    ]);
    expect(pathsOf({})).to.deep.equal(['name invalid_name']);
    expect(pathsOf({ name: 'a', atMostEvery: 30 })).to.deep.equal(['atMostEvery interval_too_short']);
    expect(pathsOf({ name: 'a', atLeastEvery: 90, atMostEvery: 100 })).to.deep.equal([
      'atLeastEvery interval_too_short',
    ]);
    expect(pathsOf('x')).to.deep.equal([' invalid_payload']);
  });

  it('have a place that exists, as a search needs one', () => {
    const placed = (shipTo: unknown) => pathsOf({ name: 'a', shipTo });
    for (const shipTo of [
      { country: 'US', postalCode: '1940' },
      { country: 'ZZ' },
      { country: 'ZZ', postalCode: '1' },
      { country: 'us' },
      { country: 'US', postalCode: '!' },
      { postalCode: '19406' },
    ]) {
      const search = parseSearchRequest({ query: 'hub', shipTo }, { marketplace: 'EBAY_US' });
      const errors = search.ok ? [] : search.errors.map(({ path, code }) => `${path} ${code}`);
      expect(errors).to.have.length(1);
      expect(placed(shipTo)).to.deep.equal(errors);
    }
    expect(placed({ country: 'US', postalCode: '19406' })).to.deep.equal([]);
    expect(placed({ country: 'US' })).to.deep.equal([]);
  });

  it('are read from a backup with a place that an earlier release took', () => {
    const definition = { name: 'a', shipTo: { country: 'US', postalCode: '1940' } };
    const record = { kind: 'watchlist', tenant: 'default', paused: false, createdAt: 1, definition };
    expect(new RecordReader(60).read(record)).to.have.nested.property('definition.shipTo.postalCode', '1940');
    const wrong = { ...record, definition: { ...definition, shipTo: { country: 'us' } } };
    expect(new RecordReader(60).read(wrong)).to.include('watchlist a: shipTo.country must be a two-letter');
  });
});
