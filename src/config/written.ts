import type { Config, ConfigProblem } from './config.ts';

/** A form that a value has by mistake, and what to do. The message ends the sentence that names the variable; it shows no value. */
type Mistake = readonly [form: RegExp, message: string];

export const PASTED_LINE = 'holds NAME=value: write the value alone';

/** Of any setting. */
const OF_ALL: readonly Mistake[] = [
  [
    /^["'`“”„‘’«»]|["'`“”„‘’«»]$/,
    'has quotation marks around it, which are part of the value here: remove them',
  ],
  [/^(?:(?:export|set)\s+|\$env:)?[A-Z][A-Z0-9]*_[A-Z0-9_]*\s*=/, PASTED_LINE],
  [
    /\$\{[^}]*\}|\$\([^)]*\)|\{\{.*\}\}|<%.*%>|^\$[A-Za-z_]\w*$|^%\w+%$/,
    'holds a reference to a variable that nothing has replaced: set the value itself, or let your tools replace it',
  ],
  [/\s#/, 'has a comment behind it, which is part of the value here: write the comment on a line of its own'],
];

/** Of the parts of a keyset, which are letters, digits and hyphens. */
const OF_KEYSETS: readonly Mistake[] = [
  ...OF_ALL,
  [
    /^(?:\.{0,2}\/|~\/|[A-Za-z]:\\)/,
    'holds the path of a file: name it in the variable that ends in _FILE (of a tenant, the field in File)',
  ],
  [
    /^(?:op|vault|arn|file|https?|secret|ref\+\w+):/i,
    'holds the address of a secret, not the secret: let your tools fetch it',
  ],
  [/^v\^1\.1#/, 'holds a token: write the App ID and the Cert ID of the keyset'],
  [/^(?:Basic|Bearer)\s/i, 'holds the value of a header: write the App ID and the Cert ID of the keyset'],
  [/^[{[]/, 'holds JSON: write the value alone'],
  [/\*{3}|[•●…]/, 'holds a masked value: copy the whole one from developer.ebay.com'],
  [
    /^(?:undefined|null|none|nil|nan|true|false|\[object Object\])$/i,
    'holds what a program writes for no value: set it',
  ],
  [/\\/, 'holds a backslash, such as the one of a \\n: write the value alone'],
  [/[^\x21-\x7e]/, 'holds a space, or a character beyond ASCII: copy it again'],
];

/** What is wrong with a value by its form alone. Undefined for everything that a right value could be. */
export function mistakeIn(value: string, { keyset = false } = {}): string | undefined {
  return (keyset ? OF_KEYSETS : OF_ALL).find(([form]) => form.test(value))?.[1];
}

type Ebay = Pick<Config['ebay'], 'clientId' | 'clientSecret' | 'environment' | 'tokenUrl'>;

/** Cert IDs begin with it, App IDs hold it. */
const CERT_ID = /^(SBX|PRD)-/;
const APP_ID = /.-(SBX|PRD)-/;
const DEV_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** What is wrong with the two together. No keyset of eBay has such a form; a simulated eBay may. */
export function keysetMistakes({ clientId, clientSecret, environment, tokenUrl }: Ebay): ConfigProblem[] {
  if (tokenUrl !== '') return [];
  const refuse = (name: string, message: string) => [{ name, message }];
  if (CERT_ID.test(clientId) && APP_ID.test(clientSecret))
    return refuse('EBAY_CLIENT_ID', 'and EBAY_CLIENT_SECRET hold each other’s value: exchange them');
  if (clientId !== '' && clientId === clientSecret)
    return refuse('EBAY_CLIENT_SECRET', 'holds the same as EBAY_CLIENT_ID: write the Cert ID there');
  if (clientId.includes(':'))
    return refuse(
      'EBAY_CLIENT_ID',
      'holds a colon: write the App ID there, and the Cert ID into EBAY_CLIENT_SECRET',
    );
  const [own, other, sign] =
    environment === 'production' ? ['production', 'sandbox', 'SBX-'] : ['sandbox', 'production', 'PRD-'];
  const wrong = clientId.includes(`-${sign}`)
    ? 'EBAY_CLIENT_ID'
    : clientSecret.startsWith(sign) && 'EBAY_CLIENT_SECRET';
  return wrong ? refuse('EBAY_ENVIRONMENT', `is ${own}, but ${wrong} is a ${other} id`) : [];
}

/** What looks like a mistake and may be right: it is logged, and nothing is refused for it. */
export function formWarnings({ ebay, redis }: Pick<Config, 'ebay' | 'redis'>): ConfigProblem[] {
  const { clientId, clientSecret, tokenUrl, proxyUrl } = ebay;
  const warnings: ConfigProblem[] = [];
  const warn = (name: string, message: string | undefined | false) => {
    if (message) warnings.push({ name, message });
  };
  for (const [name, value] of [
    ['REDIS_URL', redis.url],
    ['REDIS_SENTINEL_PASSWORD', redis.sentinelPassword],
    ['EBAY_PROXY_URL', proxyUrl],
  ] as const)
    warn(name, mistakeIn(value));
  if (tokenUrl !== '' || clientId === '' || clientSecret === '') return warnings;
  const dev = 'has the form of a Dev ID, which is not used: write';
  const idForm = APP_ID.test(clientId) ? '' : 'has not the form of an App ID (NAME-APP-PRD-… or -SBX-…)';
  const secretForm = CERT_ID.test(clientSecret) ? '' : 'has not the form of a Cert ID (PRD-… or SBX-…)';
  warn(
    'EBAY_CLIENT_ID',
    DEV_ID.test(clientId) ? `${dev} the App ID` : idForm && `${idForm}: compare it with developer.ebay.com`,
  );
  warn(
    'EBAY_CLIENT_SECRET',
    DEV_ID.test(clientSecret)
      ? `${dev} the Cert ID`
      : secretForm && `${secretForm}: compare it with developer.ebay.com`,
  );
  return warnings;
}
