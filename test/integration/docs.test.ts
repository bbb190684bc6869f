import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { EXIT } from '../../src/cli/exit.ts';
import { run as runDpf } from '../../src/cli/program.ts';
import { useEnvironment } from '../support/environment.ts';
import { patientDpf } from '../support/patientDpf.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

interface Shown {
  page: string;
  command: string;
}

/** Every line of fenced `sh`, and every inline code, that begins with one of these programs. */
function commandsOf(program: RegExp): Shown[] {
  return PAGES.flatMap((page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const fenced = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = '']) => block.split(/\n|&&/));
    const inline = [...text.replaceAll(/```.*?```/gs, '').matchAll(/`([^`\n]+)`/g)].map(
      ([, code = '']) => code,
    );
    return [...fenced, ...inline]
      .map((command) =>
        command
          .replace(/\s+#.*$/, '')
          .trim()
          .replace(/^([A-Z_]+=\S+ )+/, ''),
      )
      .filter((command) => program.test(command))
      .map((command) => ({ page, command }));
  });
}

/** `a 'b c'` as a shell takes it apart. */
function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, one, two, plain]) => one ?? two ?? plain ?? '',
  );
}

async function helpOf(args: string[]): Promise<string> {
  const lines: string[] = [];
  const keep = (text: string) => lines.push(text);
  const terminal = { print: keep, note: keep, width: 120 } as unknown as Parameters<typeof runDpf>[1];
  const code = await runDpf([...args, '--help'], terminal);
  return code === 0 ? lines.join('\n') : '';
}

describe('the documentation', function () {
  this.timeout(120_000);
  const redis = useRedis();
  const simulator = useSimulator();
  useEnvironment(() => serviceEnv(redis.url, simulator().url));
  const commands = commandsOf(/^npx dpf /);

  it('shows commands and flags of dpf that there are', async () => {
    const wrong: string[] = [];
    for (const { page, command } of commands) {
      const args = words(command).slice(2);
      const help = await helpOf(args.slice(0, 2).filter((word) => !word.startsWith('-')));
      const unknown = args.filter((word) => word.startsWith('--') && !help.includes(word));
      if (help === '' || unknown.length > 0) wrong.push(`${page}: ${command}`);
    }
    expect(commands.length).to.be.greaterThan(20);
    expect(wrong).to.deep.equal([]);
  });

  it('shows commands of dpf that run, wherever nothing is left open in them', async () => {
    const ends = (command: string) =>
      /^npx dpf (config|keys|plan|quota|schedule|token|watchlist)\b/.test(command) &&
      !/\b(ID|NAME)\b|…|--help|\.(csv|json)/.test(command);
    const runnable = [...new Set(commands.map(({ command }) => command).filter(ends))];
    const refused: string[] = [];
    for (const command of runnable) {
      const { exit, err } = await patientDpf(...words(command).slice(2));
      if (exit === EXIT.usage || exit === EXIT.configuration) refused.push(`${command}: ${exit} ${err}`);
    }
    expect(runnable.length).to.be.greaterThan(5);
    expect(refused).to.deep.equal([]);
  });

  it('brings back keys and schedules by the operator’s steps: back up, test in an empty Redis, before an upgrade', async () => {
    const page = readFileSync(join(ROOT, 'docs/for-operators.md'), 'utf8');
    const steps = /^## 5\..*?(?=^## 7\.)/ms.exec(page)?.[0] ?? '';
    const [backup = '', restore = '', upgrade = ''] = [...steps.matchAll(/```sh\n(.*?)```/gs)].map(
      ([, block = '']) => block,
    );
    expect(upgrade).to.include('npx dpf backup before-upgrade.ndjson');
    const folder = mkdtempSync(join(tmpdir(), 'operator-'));
    /** What the lines print, each of which is a command of dpf, with their files in the folder. */
    const shell = async (script: string) => {
      const printed: string[] = [];
      for (const line of script.trim().split(/\n\s*/)) {
        expect(line).to.match(/^npx dpf [^$<>|&;]+$/);
        const args = words(line).slice(2);
        const { exit, out, err } = await patientDpf(
          ...args.map((word) => (word.endsWith('.ndjson') ? join(folder, word) : word)),
        );
        expect(exit, `${line}: ${err}`).to.equal(EXIT.done);
        printed.push(out);
      }
      return printed.join('\n');
    };
    try {
      await shell(`npx dpf keys add shop
        npx dpf schedule add hubs --query "usb c hub" --every 3600`);
      await shell(backup);
      await redis.connect().flushall();
      expect(await shell(restore))
        .to.match(/^\S+ +shop /m)
        .and.match(/^hubs /m);
      await shell(upgrade);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names the command that works where npm finds no dpf, wherever it shows that one', () => {
    const pages = [...new Set(commands.map(({ page }) => page))];
    const without = pages.filter(
      (page) => !readFileSync(join(ROOT, page), 'utf8').includes('npx dropship-product-finder'),
    );
    expect(without).to.deep.equal([]);
  });

  it('shows npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const shown = commandsOf(/^npm (run |test)/).map(({ command }) =>
      words(command).find((word) => word in scripts),
    );
    expect(shown).not.to.include(undefined);
  });

  it('links to files that there are', () => {
    const broken = PAGES.flatMap((page) => {
      const text = readFileSync(join(ROOT, page), 'utf8');
      return [...text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)]
        .filter(([, target = '']) => !existsSync(join(ROOT, dirname(page), target)))
        .map(([, target]) => `${page}: ${target}`);
    });
    expect(broken).to.deep.equal([]);
  });
});
