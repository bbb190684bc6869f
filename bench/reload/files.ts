import { referencesOf } from '../../test/support/tenants.ts';

/** What the files say at one step: a valid version names itself by its backlog limit. */
export interface Step {
  settings: string;
  tenants: string;
  valid: boolean;
}

const BASE = 50_000;

/** The step that a document came from, by its backlog limit. */
export function stepOf(settings: { search?: { backlogLimit?: number } }): number {
  return (settings.search?.backlogLimit ?? BASE) - BASE;
}

/** Alternately a valid pair of files and one that is wrong in one place. The last one must be valid. */
export function stepAt(n: number, folder: string, valid = n % 2 === 0): Step {
  const settings = {
    search: { backlogLimit: BASE + n },
    pace: { minApiCallInterval: 0.02 + (n % 5) / 100, backfillShare: 0.5 + (n % 4) / 10 },
    log: { level: n % 3 === 0 ? 'info' : 'warn', levels: 'config=info' },
  };
  const shop = {
    ...referencesOf('shop', folder),
    minApiCallInterval: 0.02 + (n % 7) / 100,
    dailyCallLimit: 4000 + n,
  };
  const files = { settings: JSON.stringify(settings), tenants: JSON.stringify({ tenants: { shop } }) };
  return valid ? { ...files, valid } : { ...files, ...broken(n, settings, shop), valid };
}

type Broken = Partial<Pick<Step, 'settings' | 'tenants'>>;

function broken(n: number, settings: { pace: object; search: object }, shop: object): Broken {
  const text = JSON.stringify(settings);
  const pace = (own: object) => ({
    settings: JSON.stringify({ ...settings, pace: { ...settings.pace, ...own } }),
  });
  // The settings beside it are those of the step before: with the next file of tenants they would be a valid pair.
  const before = JSON.stringify({ ...settings, search: { backlogLimit: BASE + n - 1 } });
  const tenant = (own: object) => ({
    settings: before,
    tenants: JSON.stringify({ tenants: { shop: { ...shop, ...own } } }),
  });
  const ways: Array<() => Broken> = [
    () => ({ settings: text.slice(0, Math.floor(text.length / 2)) }),
    () => ({ settings: '' }),
    () => pace({ minApiCallInterval: -1 }),
    () => pace({ backfillShare: 0.99 }),
    () => pace({ minApiCalInterval: 1 }),
    () => ({ settings: JSON.stringify({ ...settings, log: { level: 'loud' } }) }),
    () => ({ settings: JSON.stringify({ ...settings, serch: {} }) }),
    () => ({ settings: before, tenants: '{"tenants": {' }),
    () => tenant({ marketplace: 'EBAY_MARS' }),
    () => tenant({ clientSecret: 'not here' }),
  ];
  return (ways[Math.floor(n / 2) % ways.length] as () => Broken)();
}
