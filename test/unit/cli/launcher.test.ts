import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { expect } from 'chai';
import sinon from 'sinon';
import { watchLauncher } from '../../../src/cli/launcher.ts';

const [SHELL, NPM] = [4_000_001, 4_000_000];

describe('the watch of the npm that started a process', () => {
  const npmPath = process.env.npm_execpath;
  /** By path: its text, or the code of the error that reading it ends with. */
  let files: Record<string, string>;
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    process.env.npm_execpath = '/usr/bin/npm';
    files = {
      [`/proc/${process.pid}/stat`]: `${process.pid} (node) S ${SHELL} 1 1 0`,
      [`/proc/${SHELL}/cmdline`]: 'sh\0-c\0dpf worker\0',
      [`/proc/${SHELL}/stat`]: `${SHELL} (sh) S ${NPM} 1 1 0`,
      [`/proc/${NPM}/cmdline`]: 'npm exec dpf worker\0',
    };
    sinon.stub(process, 'ppid').get(() => SHELL);
    const read = sinon.stub(fs, 'readFileSync').callsFake((path, options) => {
      const text = files[String(path)];
      if (text === undefined) return read.wrappedMethod(path, options);
      if (/^E[A-Z]+$/.test(text)) throw Object.assign(new Error(text), { code: text });
      return text;
    });
    syncBuiltinESMExports();
    clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
    if (npmPath === undefined) delete process.env.npm_execpath;
    else process.env.npm_execpath = npmPath;
  });

  for (const [what, gone] of [
    ['its shell has another parent', `${SHELL} (sh) S 1 1 1 0`],
    ['there is no such process', 'ENOENT'],
    ['the process ends while it is read', 'ESRCH'],
  ] as const)
    it(`reports its end when ${what}, and not while that cannot be read`, () => {
      let ends = 0;
      const endWatch = watchLauncher(() => {
        ends += 1;
      });
      clock.tick(1000);
      for (const code of ['EMFILE', 'ENFILE', 'EACCES']) {
        files[`/proc/${SHELL}/stat`] = code;
        clock.tick(1000);
      }
      expect(ends).to.equal(0);
      files[`/proc/${SHELL}/stat`] = gone;
      clock.tick(1000);
      expect(ends).to.equal(1);
      endWatch();
    });
});
