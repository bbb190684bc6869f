import { expect } from 'chai';
import { parseRedisUrl } from '../../../src/config/redisUrl.ts';

describe('REDIS_URL', () => {
  const node = (host: string, port: number) => ({ host, port });
  const local = { kind: 'single', tls: false, db: 0, nodes: [node('localhost', 6379)] };
  const s = [node('s1', 26_379), node('s2', 26_380)];
  const understood: Record<string, object> = {
    'redis://localhost': local,
    'redis://localhost:6379/0': local,
    'redis://localhost/': local,
    'rediss://[::1]:7000/3': { kind: 'single', tls: true, db: 3, nodes: [node('::1', 7000)] },
    'redis://u%40x:p%2Fa:b@h': {
      ...local,
      username: 'u@x',
      password: 'p/a:b',
      nodes: [node('h', 6379)],
    },
    'redis://:p@w@h': { ...local, password: 'p@w', nodes: [node('h', 6379)] },
    'redis+sentinel://s1,s2:26380/2?master=my-master': {
      kind: 'sentinel',
      tls: false,
      db: 2,
      nodes: s,
      master: 'my-master',
    },
    'rediss+cluster://u:p@n1:7000,n2': {
      kind: 'cluster',
      tls: true,
      db: 0,
      username: 'u',
      password: 'p',
      nodes: [node('n1', 7000), node('n2', 6379)],
    },
  };
  for (const [url, place] of Object.entries(understood))
    it(`is understood: ${url}`, () => expect(parseRedisUrl(url)).to.deep.equal(place));

  for (const url of [
    'http://localhost',
    'localhost:6379',
    'redis://',
    'redis://a,b',
    'redis://h:70000',
    'redis://h/x',
    'redis://h?master=m',
    'redis://h?db=1',
    'redis://u:%zz@h',
    'redis+sentinel://s1,s2/0',
    'redis+sentinel://s1,,s2/0?master=m',
    'redis+cluster://n1/1',
    'redis+proxy://n1',
  ])
    it(`is refused: ${url}`, () => expect(parseRedisUrl(url)).to.equal(undefined));
});
