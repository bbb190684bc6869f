import leven from 'leven';
import type { ConfigProblem } from './config.ts';
import { didYouMean } from './files.ts';
import { settings } from './schema.ts';
import { FILE_SUFFIX } from './secrets.ts';

/** Read beside the settings: by the loader of settings, by demo and tests, and by compose for its Redis. */
const READ_ELSEWHERE = [
  ...['CONFIG_FILE', 'EBAY_SAMPLES', 'EBAY_OPENAPI'],
  ...['REDIS_SOURCE_URL', 'REDIS_SOURCE_SHA256', 'REDIS_IMAGE'],
  ...['WORKER', 'PRODUCER', 'TOKEN_READER', 'BACKUP'].map((user) => `REDIS_${user}_PASSWORD`),
];

/** Names by which other programs for eBay know the same thing. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  EBAY_APP_ID: 'EBAY_CLIENT_ID',
  EBAY_CERT_ID: 'EBAY_CLIENT_SECRET',
  EBAY_MARKETPLACE_ID: 'EBAY_MARKETPLACE',
};

/** Parts of a keyset, and of a seller's authorization, that other programs for eBay need. */
const OF_OTHERS = /^EBAY_(DEV_ID|SITE_?ID|RU_?NAME|REDIRECT_UR[IL]|(USER|REFRESH|ACCESS|O?AUTH)_TOKEN)$/;

/** What Kubernetes and Docker add for a service: `EBAY_SERVICE_HOST`, `REDIS_PORT_6379_TCP`. `_PORT` alone holds an address. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const LINK_ADDRESS = /^(tcp|udp|sctp):\/\//;

/** People add the unit of a duration to its name. */
const UNIT = /_(SECONDS?|SECS?|S|MS|MINUTES?|HOURS?)$/;

/** A name that is shorter is near many others. */
const LONG = 16;

/**
 * Variables that were probably meant as settings and are read by nothing. A name that may belong to another program is none:
 * it is reported where it differs by a letter or two, or begins with `EBAY_`. Values are not shown.
 */
export function misspeltVariables(env: NodeJS.ProcessEnv): ConfigProblem[] {
  const own = settings().flatMap(({ env: variable, deprecatedEnv, sensitive }) => [
    variable,
    ...(deprecatedEnv === undefined ? [] : [deprecatedEnv]),
    ...(sensitive ? [`${variable}${FILE_SUFFIX}`] : []),
  ]);
  const known = new Set([...own, ...READ_ELSEWHERE]);
  const variables = settings().map((setting) => setting.env);
  const isSet = (name: string) => (env[name] ?? '').trim() !== '';
  return Object.keys(env).flatMap((name): ConfigProblem[] => {
    if (known.has(name) || !isSet(name) || isOfOthers(name, env[name] ?? '')) return [];
    const fileOf = name.endsWith(FILE_SUFFIX) ? name.slice(0, -FILE_SUFFIX.length) : '';
    const isFile = variables.includes(fileOf);
    const meant = isFile ? fileOf : meantBy(name, variables);
    // Who has set the right one has not mistaken this one for it.
    if (isFile && !isSet(fileOf))
      return [{ name, message: `is not read: only a secret may stand in a file of its own; set ${fileOf}` }];
    if (meant !== undefined)
      return isSet(meant) ? [] : [{ name, message: `is no setting; did you mean ${meant}?` }];
    if (!name.startsWith('EBAY_')) return [];
    return [{ name, message: `is no setting${didYouMean(name, variables) || '; dpf config shows all'}` }];
  });
}

function isOfOthers(name: string, value: string): boolean {
  if (!/^[A-Z][A-Z0-9]*_[A-Z0-9_]*$/.test(name)) return true;
  return OF_OTHERS.test(name) || SERVICE_LINK.test(name) || LINK_ADDRESS.test(value);
}

function meantBy(name: string, variables: readonly string[]): string | undefined {
  const other = OTHER_NAMES[name] ?? variables.find((each) => each === name.replace(UNIT, ''));
  const words = name.split('_');
  return (
    other ?? variables.find((each) => isNear(name, each)) ?? variables.find((each) => isPart(words, each))
  );
}

/** Another letter, one too many or too few, two exchanged; of a long name two of them. */
function isNear(name: string, variable: string): boolean {
  if (variable.length < 8 || Math.abs(name.length - variable.length) > 2) return false;
  const [first = '', own = ''] = [name, variable].map((each) => each.split('_')[0]);
  // HTTPS_PORT and SMTP_PORT are not HTTP_PORT.
  if (first !== own && (own.length < 5 || leven(first, own) > 2)) return false;
  const distance = leven(name, variable);
  if (distance <= 1) return true;
  return distance === 2 && (variable.length >= LONG || lettersOf(name) === lettersOf(variable));
}

function lettersOf(name: string): string {
  return [...name].sort().join('');
}

/** The same words in another order, or all but one of them: MIN_API_INTERVAL. Without the first one many programs have them. */
function isPart(words: readonly string[], variable: string): boolean {
  // Most variables end here, and each command compares the whole environment with all settings.
  if (words.length < 2 || !words.some((word) => variable.startsWith(`${word}_`))) return false;
  const own = variable.split('_');
  if (words.some((word) => !own.includes(word))) return false;
  return words.length === own.length || (words.length >= 3 && words.length === own.length - 1);
}
