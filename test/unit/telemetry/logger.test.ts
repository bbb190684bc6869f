import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import type { Config } from '../../../src/config/config.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { readAll } from '../../support/streams.ts';

/** A log whose lines can be read. */
function logTo(options: Partial<Config['log']> = {}): { root: LogRoot; lines: () => string[] } {
  const stream = new PassThrough();
  const root = new LogRoot({ level: 'info', levels: '', format: 'json', ...options }, stream);
  return { root, lines: () => readAll(stream).split('\n').slice(0, -1) };
}

const parsed = (line: string | undefined) => JSON.parse(line ?? '') as Record<string, unknown>;

describe('the log', () => {
  it('writes one JSON object a line, with time, level, component, message and fields', () => {
    const { root, lines } = logTo();
    root.component('auth').info('token stored', { ttl: 3300 });
    const [line, ...others] = lines();
    expect(others).to.deep.equal([]);
    const { timestamp, ...rest } = parsed(line);
    expect(rest).to.deep.equal({ level: 'info', component: 'auth', message: 'token stored', ttl: 3300 });
    expect(timestamp).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('leaves out what is less severe than its level', () => {
    const { root, lines } = logTo({ level: 'warn' });
    const log = root.component('worker');
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level);
    expect(lines().map((line) => parsed(line).message)).to.deep.equal(['warn', 'error']);
  });

  it('has levels of their own for single components', () => {
    const { root, lines } = logTo({ level: 'error', levels: 'auth=debug,collector=warn' });
    for (const component of ['auth', 'collector', 'worker'])
      for (const level of ['debug', 'warn', 'error'] as const) root.component(component)[level](level);
    expect(lines().map((line) => `${parsed(line).component} ${parsed(line).message}`)).to.deep.equal([
      'auth debug',
      'auth warn',
      'auth error',
      'collector warn',
      'collector error',
      'worker error',
    ]);
  });

  it('writes for people when asked to, and to a terminal', () => {
    const { root, lines } = logTo({ format: 'pretty' });
    root.component('gate').warn('calls wait', { until: 'noon', ms: 5 });
    expect(lines()[0]).to.match(/^[\d:.]{12} warn {2}gate: calls wait until="noon" ms=5$/);

    const terminal = Object.assign(new PassThrough(), { isTTY: true });
    new LogRoot({ level: 'info', levels: '', format: 'auto' }, terminal).component('gate').info('on');
    expect(readAll(terminal)).to.match(/^[\d:.]{12} info {2}gate: on\n$/);
  });

  it('keeps its own names where fields are called the same', () => {
    const { root, lines } = logTo();
    const fields = { level: 'error', message: 'forged', component: 'x', timestamp: 'then', stack: 's' };
    root.component('auth').info('true', fields);
    expect(parsed(lines()[0])).to.include({ level: 'info', message: 'true', component: 'auth', stack: 's' });
  });

  const hostile = 'a\r\nb\u2028c\u2029d\u0085e\u001b[2Jf\u009bg\u202eh\u0000';
  for (const format of ['json', 'pretty'])
    it(`stays one ${format} line a record and moves no cursor, whatever it is given`, () => {
      const { root, lines } = logTo({ format });
      root.component('collector').info(`odd ${hostile}`, { title: hostile, [hostile]: 1, list: [hostile] });
      const written = lines();
      expect(written).to.have.length(1);
      expect(written[0]).to.match(/^[^\p{Cc}\p{Zl}\p{Zp}\u202e]+$/u);
      if (format === 'json') expect(parsed(written[0]).title).to.equal(hostile);
    });

  it('survives fields that no JSON can hold', () => {
    const circle: Record<string, unknown> = { name: 'circle' };
    circle.self = circle;
    for (const format of ['json', 'pretty']) {
      const { root, lines } = logTo({ format });
      root.component('queue').error('odd', {
        circle,
        big: 10n,
        none: undefined,
        when: new Date(Number.NaN),
        error: new TypeError('no such thing'),
        long: 'x'.repeat(1_000_000),
      });
      const [line = ''] = lines();
      expect(line).to.include('TypeError: no such thing').and.include('"10"');
      expect(line.length).to.be.below(5000);
    }
  });

  it('is silent for who wants silence', () => {
    for (const level of ['error', 'warn', 'info', 'debug'] as const)
      expect(NOOP_LOGGER[level]('anything')).to.equal(undefined);
  });
});
