import { existsSync, readdirSync } from 'node:fs';

/** `npm run bench -- NAME [flags]`: runs `bench/NAME/index.ts`; exit 1 where a promised figure was missed. */
interface Bench {
  HELP: string;
  run(args: string[]): Promise<boolean>;
}

const here = new URL('./', import.meta.url);
const names = readdirSync(here).filter((name) => existsSync(new URL(`${name}/index.ts`, here)));
const [name = '--help', ...args] = process.argv.slice(2);

if (names.includes(name)) {
  const bench = (await import(new URL(`${name}/index.ts`, here).href)) as Bench;
  if (args.includes('--help')) console.log(bench.HELP);
  else process.exitCode = await judged(bench);
} else {
  const list = `npm run bench -- NAME [--json] [--help]\n\n${names.map((known) => `  ${known}`).join('\n')}`;
  if (name === '--help') console.log(list);
  else {
    console.error(`no benchmark is called ${name}\n\n${list}`);
    process.exitCode = 2;
  }
}

/** A flag that cannot be read is told in a line; whatever else goes wrong is for whoever works on the bench. */
async function judged(bench: Bench): Promise<number> {
  try {
    return (await bench.run(args)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TypeError) || !/^--|option/i.test(error.message)) throw error;
    console.error(`${error.message}\n\n${bench.HELP}`);
    return 2;
  }
}
