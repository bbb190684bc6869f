/** Where Redis is, and how it is to be reached: `REDIS_URL` taken apart. */
export interface RedisPlace {
  kind: 'single' | 'sentinel' | 'cluster';
  tls: boolean;
  username?: string;
  password?: string;
  db: number;
  /** The server; or the Sentinels to ask for it; or the nodes to ask for the rest of the Cluster. Never empty. */
  nodes: Array<{ host: string; port: number }>;
  /** Of `sentinel`: the name by which the Sentinels know the server. */
  master?: string;
}

export const REDIS_URL_FORMS =
  'a URL such as redis://localhost:6379/0 (rediss:// for TLS), redis+sentinel://s1:26379,s2:26379/0?master=NAME or redis+cluster://n1:6379,n2:6379, its password percent-encoded';

/** Everything before the last `@` is user and password, in which `/`, `?` and `#` are percent-encoded. */
const URL_PARTS =
  /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^/?#]*)@)?([^@/?#]+)(?:\/(\d*))?(?:\?master=([\w.-]+))?$/;
const NODE = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/;
const PORT = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;

/** Undefined where it is none of the forms. */
export function parseRedisUrl(url: string): RedisPlace | undefined {
  const [, scheme, suffix = '', user, hosts = '', db = '', master] = URL_PARTS.exec(url) ?? [];
  if (scheme === undefined) return undefined;
  const kind = (suffix.slice(1) || 'single') as RedisPlace['kind'];
  const nodes = hosts.split(',').flatMap((host) => nodeOf(host, PORT[kind]) ?? []);
  const wellFormed =
    nodes.length === hosts.split(',').length &&
    (kind !== 'single' || nodes.length === 1) &&
    (kind === 'sentinel') === (master !== undefined) &&
    // A Cluster has one database.
    (kind !== 'cluster' || Number(db) === 0);
  const credentials = credentialsOf(user);
  if (!wellFormed || credentials === undefined) return undefined;
  return {
    kind,
    tls: scheme === 'rediss',
    ...credentials,
    db: Number(db),
    nodes,
    ...(master === undefined ? {} : { master }),
  };
}

function nodeOf(text: string, usualPort: number) {
  const [match, v6, name, port = usualPort] = NODE.exec(text) ?? [];
  return match === undefined || Number(port) > 65_535
    ? undefined
    : { host: (v6 ?? name) as string, port: Number(port) };
}

function credentialsOf(user: string | undefined): Pick<RedisPlace, 'username' | 'password'> | undefined {
  if (user === undefined) return {};
  const colon = user.indexOf(':');
  try {
    const username = decodeURIComponent(colon < 0 ? user : user.slice(0, colon));
    const password = colon < 0 ? '' : decodeURIComponent(user.slice(colon + 1));
    return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
  } catch {
    return undefined;
  }
}
