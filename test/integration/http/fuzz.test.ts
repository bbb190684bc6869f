import { expect } from 'chai';
import { fuzzCalls, fuzzSockets, openFuzzServer } from '../../support/httpFuzzing.ts';
import { LONG } from '../../support/long.ts';
import { useRedis } from '../../support/redis.ts';

const CALLS = LONG ? 2000 : 1000;
const SOCKETS = LONG ? 400 : 150;

describe('whatever is sent to the server', function () {
  this.timeout(300_000);
  // Before the end of its Redis.
  after(async () => {
    process.off('unhandledRejection', note);
    await server.close();
  });
  const redis = useRedis(undefined, { isKept: true });
  const seed = Math.floor(Math.random() * 2 ** 30);
  let server: Awaited<ReturnType<typeof openFuzzServer>>;
  const rejections: unknown[] = [];
  const note = (reason: unknown) => void rejections.push(reason);
  before(async () => {
    server = await openFuzzServer(redis.url);
    process.on('unhandledRejection', note);
  });

  it(`is answered with a documented status, ${CALLS} calls made from the schemas (seed ${seed})`, async () => {
    const { inputs, statuses, wrong } = await fuzzCalls(server, CALLS, seed);
    expect(wrong, `seed ${seed}`).to.deep.equal([]);
    expect(inputs).to.equal(CALLS);
    // The generator reaches the handlers: some of what it makes is right.
    expect(statuses[202]).to.be.greaterThan(CALLS / 1000);
    expect(rejections).to.deep.equal([]);
  });

  it(`is answered, or its connection closed: ${SOCKETS} mutations of a corpus over sockets (seed ${seed})`, async () => {
    const { inputs, wrong } = await fuzzSockets(server, SOCKETS, seed);
    expect(wrong, `seed ${seed}`).to.deep.equal([]);
    expect(inputs).to.be.greaterThan(SOCKETS);
    expect(rejections).to.deep.equal([]);
    expect((await fetch(`${server.url}/livez`)).status).to.equal(200);
  });
});
