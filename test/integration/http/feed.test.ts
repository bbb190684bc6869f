import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';

const PATH = '/v1/tracks/strips/feed.atom';
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`reader:${password}`).toString('base64')}`,
});

describe('the route of the feed of a track', function () {
  this.timeout(60_000);
  const service = useService();
  const http = useHttpService({}, { beside: service });

  it('has what changed, with titles while they are kept, for the key as a password, and says when nothing is new', async () => {
    const request = { query: 'led strip', maxItems: 100, track: 'strips' };
    expect((await http.call('GET', PATH)).status).to.equal(404);
    await service.search(request);
    const empty = await http.call('GET', PATH);
    expect(empty.status).to.equal(200);
    expect(empty.text).to.not.include('<entry>');

    const itemId = service.simulator.controls.addListing({
      title: 'led strip ]]> & <b>hat</b>',
      price: '9.99',
    });
    const { searchId } = await service.search(request);
    const key = await http.key(['read']);
    const feed = await http.call('GET', PATH, undefined, basic(key));
    expect(feed.status, feed.text).to.equal(200);
    expect(feed.headers.get('content-type')).to.equal('application/atom+xml; charset=utf-8');
    expect(feed.text.match(/<entry>/g)).to.have.length(1);
    expect(feed.text).to.include('led strip ]]&gt; &amp; &lt;b&gt;hat&lt;/b&gt;: new, $9.99 delivered');
    expect(feed.text).to.include(`href="${http.app.url}${PATH}"`);

    const etag = feed.headers.get('etag') as string;
    for (const known of [etag, `"other", W/${etag}`, '*']) {
      const again = await http.call('GET', PATH, undefined, { ...basic(key), 'if-none-match': known });
      expect([again.status, again.text, again.headers.get('etag')], known).to.deep.equal([304, '', etag]);
    }
    expect((await http.call('GET', PATH, undefined, { 'if-none-match': '"other"' })).status).to.equal(200);

    // Its products expire before the event does.
    const results = await http.redis.keys(`{ebay}:*${searchId}*`);
    await http.redis.del(...results);
    const later = await http.call('GET', PATH);
    expect(later.text).to.include(`Item ${itemId.split('|')[1]}: new, $9.99 delivered`);
    expect(later.headers.get('etag')).to.not.equal(etag);
  });

  it('takes the password of no other route, no wrong one, no key without the role, and no key in the address', async () => {
    const key = await http.key(['enqueue']);
    const refused = await http.call('GET', PATH, undefined, basic('wrong'));
    expect(refused.status).to.equal(401);
    expect(refused.headers.get('www-authenticate')).to.match(/^Basic realm=/);
    expect((await http.call('GET', PATH, undefined, basic(key))).status).to.equal(403);
    const other = await http.call('GET', '/v1/searches/s', undefined, basic(await http.key()));
    expect([other.status, other.headers.get('www-authenticate')?.split(' ')[0]]).to.deep.equal([
      401,
      'Bearer',
    ]);
    expect((await http.call('GET', `${PATH}?key=${await http.key()}`)).json.errors[0].code).to.equal(
      'key_in_url',
    );
    for (const name of ['other', 'a:b', '%2e%2e'])
      expect((await http.call('GET', PATH.replace('strips', name))).status, name).to.equal(404);
  });
});
