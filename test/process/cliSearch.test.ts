import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { useCommands } from '../support/commands.ts';
import { builtProgram, useProcesses } from '../support/processes.ts';
import { serviceEnv, useService } from '../support/service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('dpf search, asked of a running service,', function () {
  this.timeout(60_000);
  const service = useService({ PAGE_ATTEMPTS: '1' });
  const dpf = useCommands();
  const processes = useProcesses();
  const env = () => serviceEnv(service.config.redis.url, service.simulator.url);

  it('prints a table, CSV, or an id to come back with', async () => {
    const request = ['search', 'usb c hub', '--max-items', '30'];
    const table = dpf(request, env());
    const csv = dpf([...request, '--csv'], env());
    const noWait = dpf([...request, '--no-wait'], env());
    expect(await table.exit(), table.output).to.equal(0);
    expect(table.stdout)
      .to.contain('Delivered')
      // The three ask for the same: one of them, whichever comes first, makes the call.
      .and.match(/complete · 30 products · \d+ of about [\d,]+ listings looked at · [01] calls?/);
    expect(await csv.exit(), csv.output).to.equal(0);
    expect(csv.stdout.trimEnd().split('\r\n')).to.have.length(31);
    expect(await noWait.exit(), noWait.output).to.equal(0);
    const again = dpf(['search', '--get', noWait.stdout.trim(), '--json', '--limit-rows', '2'], env());
    expect(await again.exit(), again.output).to.equal(0);
    const found = JSON.parse(again.stdout);
    expect(found.summary).to.include({ searchId: noWait.stdout.trim(), outcome: 'complete' });
    expect(found.products).to.have.length(2);
  });

  it('puts what was found in the order of delivered prices, in a table of chosen columns', async () => {
    const request = ['search', 'usb c hub', '--max-items', '30', '--limit-rows', '30', '--sort', 'total'];
    const found = dpf([...request, '--columns', 'total,title'], env());
    expect(await found.exit(), found.output).to.equal(0);
    const [head = '', ...lines] = found.stdout.split('\n').slice(0, 31);
    expect(head.trim().split(/ +/)).to.deep.equal(['total', 'title']);
    const totals = lines.flatMap((line) =>
      /^ *(\d+\.\d\d) /.exec(line) ? [Number(line.trim().split(' ')[0])] : [],
    );
    expect(totals.length).to.be.greaterThan(15);
    expect(totals).to.deep.equal(totals.toSorted((one, other) => one - other));
  });

  it('prints the columns of CSV that are asked for, and names those there are for a wrong one', async () => {
    const request = ['search', 'usb c hub', '--max-items', '3', '--csv', '--columns'];
    const chosen = dpf([...request, 'legacyItemId,rank'], env());
    const wrong = dpf([...request, 'title,prize'], env());
    expect(await chosen.exit(), chosen.output).to.equal(0);
    expect(chosen.stdout).to.match(/^legacyItemId,rank\r\n\d{12},1\r\n\d{12},2\r\n\d{12},3\s*$/);
    expect(await wrong.exit(), wrong.output).to.equal(2);
    expect(wrong.output).to.contain('--columns must name columns, not "prize"; did you mean price?');
    expect(wrong.output).to.contain('detailsAspects');
  });

  it('shows a listing by its address with all variations, and says of one that is gone', async () => {
    const { searchId } = await service.search({ query: 'usb c hub', maxItems: 50 });
    const varied = (await service.producer.products(searchId)).find(({ group }) => group !== null);
    const item = dpf(['item', varied?.url as string, '199999999999', '--ship-to', 'US:19406'], env());
    expect(await item.exit(), item.output).to.equal(0);
    expect(item.stdout)
      .to.match(/^\w.* +Price +Shipping +Delivered +Stock +Arrives$/m)
      .and.match(/^\d+ variations$/m)
      .and.contain('199999999999: eBay no longer has this listing');
  });

  it('prints CSV for Excel in the form of the locale', async () => {
    const request = ['search', 'usb c hub', '--max-items', '2', '--excel', '--columns', 'legacyItemId,rank'];
    // The locale is of the process.
    const german = processes.dpf(request, { ...env(), LC_ALL: 'de_DE.UTF-8' });
    expect(await german.exit(), german.output).to.equal(0);
    expect(german.stdout).to.match(/^\ufefflegacyItemId;rank\r\n"=""\d{12}""";1\r\n"=""\d{12}""";2\s*$/);
  });

  it('says that eBay ignored a part of the search, or fails where it must not', async () => {
    const request = ['search', 'usb c hub', '--max-items', '3', '--category', '1', '--aspect', 'Nope=Red'];
    const warned = dpf(request, env());
    const strict = dpf([...request, '--strict-filters', '--json'], env());
    expect(await warned.exit(), warned.output).to.equal(0);
    expect(warned.stdout)
      .to.match(/^! [\w-]+, with warnings · .*\n {2}! eBay warns: .*Nope.*\(12018\)$/m)
      .and.not.include('✔');
    expect(await strict.exit(), strict.output).to.equal(1);
    expect(strict.stdout).to.equal('');
    expect(JSON.parse(strict.stderr).error.code).to.equal('filter-ignored');
  });

  it('ends with 5 at its bound, says so, and has what was found until then', async () => {
    const bounded = dpf(['search', 'phone case', '--max-items', '400', '--max-calls', '1', '--json'], env());
    expect(await bounded.exit(), bounded.output).to.equal(5);
    const { summary, products } = JSON.parse(bounded.stdout);
    expect(summary).to.include({ outcome: 'partial', stoppedBy: 'max-calls', lookedAt: 200 });
    expect(products).to.have.length(200);
    const shown = dpf(['search', '--get', summary.searchId], env());
    expect(await shown.exit(), shown.output).to.equal(5);
    expect(shown.stdout).to.match(
      / {2}! stopped after 1 call \(maxCalls\): 200 of about [\d,]+ listings looked at$/m,
    );
  });

  it('ends quietly when nobody reads on', async () => {
    const command = `"${process.execPath}" "${builtProgram()}" search "usb c hub" --json | head -1; echo "exit \${PIPESTATUS[0]}"`;
    const options = { cwd: ROOT, env: { PATH: process.env.PATH, ...env() } };
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', command], options);
    expect(stdout).to.equal('{\nexit 0\n');
    expect(stderr).to.not.match(/EPIPE|Error/);
  });

  it('exits 1 for a search that failed and says why as an object', async () => {
    service.simulator.controls.arm({ fault: 'html' });
    const failed = dpf(['search', 'usb c hub', '--json'], env());
    expect(await failed.exit(), failed.output).to.equal(1);
    expect(failed.stdout).to.equal('');
    expect(JSON.parse(failed.stderr).error).to.include.keys('searchId', 'message');
    expect(JSON.parse(failed.stderr).error.code).to.equal('ebay-bad-answer');
  });

  it('says on Ctrl-C how to get back to the search, which goes on', async () => {
    service.simulator.controls.configure({ latencyMs: 3000 });
    const search = processes.dpf(['search', 'usb c hub'], env());
    await search.waitForLine(/^collecting/m);
    search.signal('SIGINT');
    expect(await search.exit(), search.output).to.equal(130);
    const [, id = ''] = /dpf search --get (\S+)/.exec(search.stderr) ?? [];
    service.simulator.controls.configure({ latencyMs: 0 });
    const again = dpf(['search', '--get', id], env());
    expect(await again.exit(), again.output).to.equal(0);
    expect(again.stdout).to.contain('✔ complete');
  });
});
