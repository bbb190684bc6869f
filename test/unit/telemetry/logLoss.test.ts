import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { Scrubber } from '../../../src/telemetry/scrubber.ts';
import { readAll } from '../../support/streams.ts';
import { waitFor } from '../../support/waitFor.ts';

const JSON_LINES = { level: 'info', levels: '', format: 'json' };

const read = (stream: PassThrough): Array<Record<string, unknown>> =>
  readAll(stream)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe('the log in trouble', () => {
  it('writes an error that strikes by the thousand a few times, and then how often it struck', () => {
    const stream = new PassThrough();
    const root = new LogRoot(JSON_LINES, stream);
    const log = root.component('worker');
    for (let n = 0; n < 1000; n += 1) log.error('Redis connection failed', { n });
    log.error('something else');
    log.info('and work goes on');
    expect(read(stream).map(({ message }) => message)).to.deep.equal([
      ...Array(10).fill('Redis connection failed'),
      'something else',
      'and work goes on',
    ]);
    expect(root.lost).to.include({ repeated: 990 });
    root.flush();
    expect(read(stream)).to.have.length(1).and.to.have.nested.property('[0].suppressed', 990);
    root.flush();
    expect(read(stream)).to.deep.equal([]);
  });

  it('writes an error again once it has been quiet about it for a while', () => {
    const clock = useFakeTimers();
    try {
      const stream = new PassThrough();
      const log = new LogRoot(JSON_LINES, stream).component('worker');
      for (let n = 0; n < 12; n += 1) log.error('broken');
      clock.tick(10_000);
      log.error('broken', { last: true });
      const lines = read(stream);
      expect(lines).to.have.length(12);
      expect(lines[10]).to.include({ message: 'broken', suppressed: 2 });
      expect(lines[11]).to.include({ last: true });
    } finally {
      clock.restore();
    }
  });

  it('loses the lines that its stream refuses and says how many once it takes lines again', async () => {
    let full = true;
    const taken: string[] = [];
    // stdout and stderr take themselves up again after an error; an ordinary stream would not.
    const failing = Object.assign(new PassThrough(), {
      write: (line: string, done: (error?: Error) => void) => {
        if (!full) taken.push(line);
        done(full ? new Error('ENOSPC') : undefined);
        return true;
      },
    });
    const root = new LogRoot(JSON_LINES, failing);
    const log = root.component('worker');
    for (let n = 0; n < 3; n += 1) log.info('lost');
    await waitFor('the loss', () => root.lost.refused === 3);
    full = false;
    log.info('written');
    await waitFor('word of the loss', () => taken.length === 2);
    expect(JSON.parse(taken[1] as string)).to.include({ level: 'warn', lines: 3 });
  });

  it('keeps no more than a few megabytes for a reader that stands still', async () => {
    const stuck = new PassThrough();
    const root = new LogRoot({ ...JSON_LINES, level: 'debug' }, stuck);
    const log = root.component('worker');
    for (let n = 0; n < 10_000; n += 1) log.info('x'.repeat(1000));
    await waitFor('losses', () => root.lost.stuck > 0);
    expect(stuck.writableLength).to.be.below(5_000_000);
  });

  it('masks secrets in the finished line, the field’s name and JSON’s own spelling included', () => {
    for (const format of ['json', 'pretty']) {
      const stream = new PassThrough();
      const scrubber = new Scrubber();
      scrubber.learn(['hush"hush-hush']);
      const root = new LogRoot({ ...JSON_LINES, format }, stream, scrubber);
      root
        .component('worker')
        .info('not hush"hush-hush', { 'hush"hush-hush': 'hush"hush-hush', list: ['hush"hush-hush'] });
      const line = readAll(stream);
      expect(line).to.not.match(/hush.*hush/);
      expect(line.match(/\*\*\*/g)).to.have.length(4);
    }
  });
});
