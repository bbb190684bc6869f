import { expect } from 'chai';
import { Lifecycle } from '../../src/lifecycle.ts';

describe('a lifecycle', () => {
  it('closes what was opened last first, one after the other', async () => {
    const lifecycle = new Lifecycle();
    const events: string[] = [];
    for (const name of ['redis', 'queue', 'worker'])
      lifecycle.opened(name, {}, async () => {
        events.push(`${name} closes`);
        await new Promise(setImmediate);
        events.push(`${name} closed`);
      });
    expect(await lifecycle.stop(1000)).to.deep.equal({ unclosed: [] });
    expect(events).to.deep.equal(
      ['worker', 'queue', 'redis'].flatMap((name) => [`${name} closes`, `${name} closed`]),
    );
  });

  it('gives back the part that it was told of, and hands it to its close', async () => {
    const lifecycle = new Lifecycle();
    const part = { open: true };
    expect(
      lifecycle.opened('part', part, (given) => {
        given.open = false;
      }),
    ).to.equal(part);
    await lifecycle.stop(1000);
    expect(part.open).to.equal(false);
  });

  it('tells what did not close within a part that is made of parts', async () => {
    const lifecycle = new Lifecycle();
    const nested = new Lifecycle();
    nested.opened('hangs', {}, () => new Promise(() => undefined));
    nested.opened('closes', {}, () => undefined);
    lifecycle.nested({ stop: () => nested.stop(20) });
    expect(await lifecycle.stop(1000)).to.deep.equal({ unclosed: ['hangs'] });
  });

  it('goes on past a part that hangs, fails or throws, and names it', async () => {
    const lifecycle = new Lifecycle();
    const closed: string[] = [];
    lifecycle.opened('redis', {}, () => closed.push('redis'));
    lifecycle.opened('hangs', {}, () => new Promise(() => undefined));
    lifecycle.opened('fails', {}, () => Promise.reject(new Error('no')));
    lifecycle.opened('throws', {}, () => {
      throw new Error('no');
    });
    expect(await lifecycle.stop(20)).to.deep.equal({ unclosed: ['throws', 'fails', 'hangs'] });
    expect(closed).to.deep.equal(['redis']);
  });

  it('may be stopped again at any time, and closes everything once', async () => {
    const lifecycle = new Lifecycle();
    let closes = 0;
    lifecycle.opened('part', {}, () => {
      closes += 1;
    });
    const [one, two] = [lifecycle.stop(1000), lifecycle.stop(5)];
    expect(await one).to.equal(await two);
    expect(await lifecycle.stop(1000)).to.equal(await one);
    expect(closes).to.equal(1);
  });
});
