import { existsSync, readdirSync } from 'node:fs';

/** `npm run bench -- NAME [flags]`: runs `bench/NAME/index.ts`; exit 1 where a promised figure was missed. */
interface Bench {
  run(args: string[]): Promise<boolean>;
}

const here = new URL('./', import.meta.url);
const names = readdirSync(here).filter((name) => existsSync(new URL(`${name}/index.ts`, here)));
const [name = '--help', ...args] = process.argv.slice(2);

if (names.includes(name)) {
  const { run } = (await import(new URL(`${name}/index.ts`, here).href)) as Bench;
  process.exitCode = (await run(args)) ? 0 : 1;
} else {
  const list = `npm run bench -- NAME [--json] [--help]\n\n${names.map((known) => `  ${known}`).join('\n')}`;
  if (name === '--help') console.log(list);
  else {
    console.error(`no benchmark is called ${name}\n\n${list}`);
    process.exitCode = 2;
  }
}
