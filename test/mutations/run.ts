import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { allMutations, type NamedMutation, occurrences } from './mutation.ts';

const HELP = `npm run mutate -- [--only PATTERN] [--baseline] [--list] [--help]

Applies one mutation at a time to a copy of this checkout and runs the tests that have to notice it.

  --only PATTERN  only the mutations whose name (LIST/ID) matches this regular expression
  --baseline      first runs the same tests on the unchanged copy, and reports those that fail there
  --list          prints the mutations and runs nothing

  killed    a test failed, or the tests did not end in time
  SURVIVED  every test passed
  stale     the text to replace does not occur exactly once, no test ran, or the tests fail without the mutation

Exit 1 when a mutation is stale, or survived without a known reason.`;

const root = fileURLToPath(new URL('../../', import.meta.url));
const NOT_COPIED = new Set(['.git', 'node_modules', 'dist', 'coverage']);
const MOCHA = '--no-config --node-option import=tsx/esm --timeout 20000 --exit --bail'.split(' ');
/** For one run of mocha. A mutation may end in an endless loop, which mocha's own time-out cannot stop. */
const RUN_LIMIT_MS = 180_000;
const SHOWN_LINES = 12;

type Verdict = { is: 'killed' | 'SURVIVED' } | { is: 'stale'; why: string };
type TestRun = 'passed' | 'failed' | 'endless' | { noTests: string };

let copy: string | undefined;
let running: ChildProcess | undefined;

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.once(signal, () => {
    killRun();
    removeCopy();
    process.exit(code);
  });

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const pattern = new RegExp(options.only ?? '');
  const mutations = (await allMutations()).filter(({ name }) => pattern.test(name));
  if (options.list) {
    for (const { name, file, breaks } of mutations) console.log(`${name}\n  ${file}: ${breaks}`);
    return 0;
  }
  if (mutations.length === 0) {
    console.error(`no mutation's name matches ${options.only}`);
    return 2;
  }
  try {
    copyCheckout();
    return await runAll(mutations, options.baseline ?? false);
  } finally {
    removeCopy();
  }
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        baseline: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    new RegExp(values.only ?? '');
    return values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    return undefined;
  }
}

async function runAll(mutations: NamedMutation[], withBaseline: boolean): Promise<number> {
  const baselines = new Map<string, TestRun>();
  const count = { killed: 0, SURVIVED: 0, stale: 0 };
  let explained = 0;
  for (const mutation of mutations) {
    const began = performance.now();
    const verdict = await judge(mutation, withBaseline ? baselines : undefined);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    count[verdict.is] += 1;
    console.log(`${verdict.is.padEnd(8)} ${mutation.name}  ${seconds} s`);
    if (verdict.is === 'stale') console.log(`         ${verdict.why}`);
    if (verdict.is === 'SURVIVED') {
      if (mutation.survives !== undefined) explained += 1;
      console.log(`         breaks: ${mutation.breaks}`);
      console.log(`         ${mutation.survives ? `known: ${mutation.survives}` : 'no test notices it'}`);
    }
  }
  const survived = `${count.SURVIVED} survived (${explained} of them with a reason)`;
  console.log(`${mutations.length} mutations: ${count.killed} killed, ${survived}, ${count.stale} stale`);
  return count.SURVIVED > explained || count.stale > 0 ? 1 : 0;
}

async function judge(mutation: NamedMutation, baselines?: Map<string, TestRun>): Promise<Verdict> {
  const path = join(copy as string, mutation.file);
  const text = readText(path);
  const found = occurrences(text, mutation.find);
  if (found !== 1) return { is: 'stale', why: `the text occurs ${found} times in ${mutation.file}` };
  if (baselines) {
    const key = JSON.stringify([mutation.tests, mutation.grep]);
    const baseline = baselines.get(key) ?? (await runTests(mutation));
    baselines.set(key, baseline);
    if (baseline !== 'passed') return { is: 'stale', why: `without the mutation: ${explain(baseline)}` };
  }
  writeFileSync(
    path,
    text.replace(mutation.find, () => mutation.replace),
  );
  try {
    const run = await runTests(mutation);
    if (run === 'passed') return { is: 'SURVIVED' };
    if (typeof run === 'object') return { is: 'stale', why: explain(run) };
    return { is: 'killed' };
  } finally {
    writeFileSync(path, text);
  }
}

function explain(run: TestRun): string {
  return typeof run === 'string' ? `the tests ${run}` : `no test ran:\n${run.noTests}`;
}

/** Tests of processes run the built program, so they need the copy's own build. */
async function runTests({ tests, grep }: NamedMutation): Promise<TestRun> {
  if (tests.some((test) => test.startsWith('test/process/'))) {
    const build = await run(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
    if (build.code !== 0) return { noTests: firstLines(build.output) };
    const finish = await run(['scripts/finish-build.js']);
    if (finish.code !== 0) return { noTests: firstLines(finish.output) };
  }
  const only = grep === undefined ? [] : ['--grep', grep];
  const { code, output } = await run(['node_modules/mocha/bin/mocha.js', ...MOCHA, ...only, ...tests]);
  if (code === undefined) return 'endless';
  // A file that cannot be loaded ends mocha before it counts anything: that is no test that noticed.
  if (code === 0 ? !/^ +[1-9]\d* passing/m.test(output) : !/^ +[1-9]\d* failing/m.test(output))
    return { noTests: firstLines(output) };
  return code === 0 ? 'passed' : 'failed';
}

/** A loader's error stands before its stack. */
function firstLines(output: string): string {
  return output.trim().split('\n').slice(0, SHOWN_LINES).join('\n');
}

/** Runs Node in the copy. `code` is undefined when it did not end in time. */
function run(args: string[]): Promise<{ code: number | undefined; output: string }> {
  return new Promise((resolve, reject) => {
    // Its own process group, so that what the tests started can be stopped with it.
    const child = spawn(process.execPath, args, { cwd: copy, detached: true, env: testEnvironment() });
    running = child;
    let output = '';
    let late = false;
    const keep = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const limit = setTimeout(() => {
      late = true;
      killRun();
    }, RUN_LIMIT_MS);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(limit);
      killRun();
      running = undefined;
      resolve({ code: late ? undefined : (code ?? 1), output });
    });
  });
}

/** Settings of npm and of a coverage run of this process do not reach the tests. */
function testEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_V8_COVERAGE, ...rest } = process.env;
  return rest;
}

/** A process of the group may outlive its leader. */
function killRun(): void {
  try {
    if (running?.pid !== undefined) process.kill(-running.pid, 'SIGKILL');
  } catch {
    // The group has ended.
  }
}

function copyCheckout(): void {
  copy = mkdtempSync(join(tmpdir(), 'mutate-'));
  cpSync(root, copy, {
    recursive: true,
    filter: (source) => !NOT_COPIED.has(relative(root, source)),
  });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}

function removeCopy(): void {
  if (copy !== undefined) rmSync(copy, { recursive: true, force: true });
  copy = undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
