import { expect } from 'chai';
import { plainTerminal } from './plainTerminal.ts';

describe('what a shell may complete', () => {
  let run: typeof import('../../../src/cli/program.ts').run;
  before(async () => {
    ({ run } = await import('../../../src/cli/program.ts'));
  });

  /** The words for a line whose last word is being typed. */
  async function completed(line: string): Promise<string[]> {
    const terminal = plainTerminal();
    expect(await run(['completion', '--', ...line.split(' ').slice(1)], terminal)).to.equal(0);
    expect(terminal.err).to.deep.equal([]);
    return terminal.out.flatMap((text) => text.split('\n')).map((each) => each.split('\t')[0] as string);
  }

  for (const [line, words] of [
    ['dpf sch', ['schedule']],
    ['dpf help watch', ['watchlist']],
    ['dpf help schedule pa', ['pause']],
    ['dpf schedule re', ['resume', 'remove']],
    ['dpf search --sor', ['--sort', '--sort-by']],
    ['dpf search --sort d', ['distance', 'delivered']],
    ['dpf search --sort=pr', ['--sort=price']],
    ['dpf schedule add a --sort d', ['distance']],
    ['dpf search hub --condition U', ['USED', 'UNSPECIFIED']],
    ['dpf search --marketplace EBAY_US,EBAY_A', ['EBAY_US,EBAY_AT', 'EBAY_US,EBAY_AU']],
    ['dpf search --ship-to U', ['UG', 'UA', 'US', 'UY', 'UZ', 'UM']],
    ['dpf search --columns title,legacy', ['title,legacyItemId']],
    ['dpf search --costs ', [':files']],
    ['dpf watchlist show a --state out', ['out-of-stock']],
    ['dpf completion ', ['bash', 'zsh', 'fish']],
    ['dpf restore ', [':files']],
    ['dpf --v', ['--version']],
    ['dpf search "usb', []],
    ['dpf search --no-such-option ', []],
    ['dpf nothing ', []],
    ['dpf schedule add ', []],
  ] as const)
    it(`\`${line}\`: ${words.join(' ') || 'nothing'}`, async () => {
      expect((await completed(line)).sort()).to.deep.equal([...words].sort());
    });

  it('are all commands at the beginning, and all options of one without arguments, each with what it means', async () => {
    expect(await completed('dpf ')).to.include.members(['demo', 'search', 'completion', 'help']);
    const terminal = plainTerminal();
    await run(['completion', '--', 'quota', ''], terminal);
    expect(terminal.out.join('\n')).to.match(/^--reconcile\task eBay for its own count first$/m);
  });

  it('leaves out an option that was given, unless it may be repeated', async () => {
    const left = await completed('dpf search --track a --condition NEW --');
    expect(left).to.include('--condition').and.not.include('--track');
  });

  it('are no names while Redis is away, within half a second and without a word', async () => {
    process.env.REDIS_URL = 'redis://127.0.0.1:1/0';
    try {
      const began = performance.now();
      expect(await completed('dpf schedule show ')).to.deep.equal([]);
      expect(performance.now() - began).to.be.below(2000);
    } finally {
      delete process.env.REDIS_URL;
    }
  });
});
