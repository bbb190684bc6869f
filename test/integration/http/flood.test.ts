import { expect } from 'chai';
import { type Answer, useHttpService } from '../../support/httpService.ts';

const BACKLOG = 20;

/** Sends so many, twenty at a time. */
async function flood(many: number, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  const lane = async () => {
    for (let sent = 0; sent < many / 20; sent++) answers.push(await send());
  };
  await Promise.all(Array.from({ length: 20 }, lane));
  return answers;
}

function withStatus(answers: Answer[], wanted: number): Answer[] {
  return answers.filter(({ status }) => status === wanted);
}

/** Refused in the documented way, which says when to come again. */
function expectRefusals(answers: Answer[], status: number, code: string): void {
  for (const { headers, json } of withStatus(answers, status)) {
    expect(Number(headers.get('retry-after'))).to.be.greaterThan(0);
    expect(json.errors[0].code).to.equal(code);
  }
}

describe('a flood of searches', () => {
  const service = useHttpService({ BACKLOG_LIMIT: String(BACKLOG) });
  const post = (authorization?: string) =>
    service.call('POST', '/v1/searches', { query: 'mug' }, authorization ? { authorization } : {});
  const waiting = () => service.redis.zcard('{ebay}:ebay-search:prioritized');

  it('of ten times what may wait is refused beyond it; nothing accepted is lost, nothing refused is kept', async () => {
    const answers = await flood(10 * BACKLOG, post);
    const accepted = withStatus(answers, 202);
    expectRefusals(answers, 503, 'backlog_full');
    expect(accepted).to.have.lengthOf(BACKLOG);
    expect(withStatus(answers, 503)).to.have.lengthOf(9 * BACKLOG);
    expect(await waiting()).to.equal(BACKLOG);
    for (const { json } of accepted)
      expect((await service.call('GET', `/v1/searches/${json.searchId}`)).json.state).to.equal('queued');

    const keys = await service.redis.dbsize();
    expect(withStatus(await flood(5 * BACKLOG, post), 503)).to.have.lengthOf(5 * BACKLOG);
    expect(await service.redis.dbsize()).to.equal(keys);
  });

  it('of one tenant costs four others nothing: theirs are accepted, each in turn with one of the flood', async () => {
    const names = ['one', 'two', 'three', 'four'];
    const keys: string[] = [];
    for (const name of names) keys.push(`Bearer ${await service.key(['enqueue'], name)}`);
    const mine = 3;
    let answered = 0;
    const flooding = flood(100 * mine, async () => {
      const answer = await post();
      answered += 1;
      return answer;
    });
    const others = await Promise.all(
      keys.map(async (authorization) => {
        const answers: Answer[] = [];
        for (let n = 0; n < mine; n++) answers.push(await post(authorization));
        return answers;
      }),
    );
    // They are through long before the flood is, which has twenty connections to the one of each.
    expect(answered).to.be.below(100 * mine);
    expect(withStatus(others.flat(), 202)).to.have.lengthOf(names.length * mine);
    const refused = await flooding;
    expect(withStatus(refused, 202)).to.have.lengthOf(BACKLOG);
    expectRefusals(refused, 503, 'backlog_full');
  });
});

describe('a scraper that never stops', () => {
  const service = useHttpService({ HTTP_RATE_LIMIT: '30' });

  it('is refused for a while when its key has sent too much; other keys are served', async () => {
    const authorization = `Bearer ${await service.key(['operate'])}`;
    const scrape = () => service.call('GET', '/metrics', undefined, { authorization });
    const answers = await flood(100, scrape);
    expectRefusals(answers, 429, 'rate_limited');
    expect(withStatus(answers, 200)).to.have.lengthOf(30);
    expect(withStatus(answers, 429)).to.have.lengthOf(70);
    expect((await service.call('POST', '/v1/searches', { query: 'mug' })).status).to.equal(202);
  });

  it('finds no more series, whatever paths were called', async () => {
    const ask = async (word: string) => {
      const authorization = `Bearer ${await service.key(['enqueue', 'read'])}`;
      const call = (method: string, path: string, body?: unknown) =>
        service.call(method, path, body, { authorization });
      for (const path of [`/${word}`, `/v1/searches/${word}`, `/v1/searches/${word}/products?mark=${word}`])
        for (const method of ['GET', 'DELETE', 'PUT', 'PROPFIND']) await call(method, path);
      await call('POST', '/v1/searches', { query: word, track: word });
      await call('POST', '/v1/searches', { [word]: word });
      const { text } = await service.call('GET', '/metrics');
      expect(text).to.not.contain(word);
      return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    };
    await ask('wordone');
    expect(await ask('wordtwo')).to.equal(await ask('wordthree'));
  });
});
