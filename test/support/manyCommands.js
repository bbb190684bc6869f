/**
 * Runs commands of the built program one after another in this process: each `{ args, env }` that it is sent is answered with
 * what the command printed. What a process reads once only, such as NODE_EXTRA_CA_CERTS, is the same for all of them.
 */
import { run } from '../../dist/cli/program.js';
import { processTerminal } from '../../dist/cli/terminal.js';

const printed = { stdout: '', stderr: '' };
for (const name of ['stdout', 'stderr'])
  process[name].write = (text) => {
    printed[name] += text;
    return true;
  };
const own = { ...process.env };
process.on('message', async ({ args, env }) => {
  Object.assign(printed, { stdout: '', stderr: '' });
  process.env = { ...own, ...env };
  const exit = await run(args, processTerminal());
  process.send({ exit, ...printed });
});
