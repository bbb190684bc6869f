import { Command } from 'commander';
import type { SearchRequest } from '../product/requestSchema.ts';
import { addRequestFlags, requestFrom } from './requestFlags.ts';

export interface DemoSearch {
  /** What the demo shows with it. */
  about: string;
  /** As it is typed after `dpf search`. */
  args: string[];
}

export const DEMO_SEARCHES: readonly DemoSearch[] = [
  {
    about: 'new, at most 40 dollars, and what it costs delivered to one postal code; three calls',
    args: [
      'usb c hub',
      '--max-items',
      '450',
      '--condition',
      'NEW',
      '--price-max',
      '40',
      '--ship-to',
      'US:19406',
    ],
  },
  {
    about: 'two marketplaces at once, cheapest first',
    args: [
      'camping tent',
      '--marketplace',
      'EBAY_GB',
      '--marketplace',
      'EBAY_AU',
      '--max-items',
      '100',
      '--sort',
      'price',
    ],
  },
  {
    about: 'free shipping, good sellers, and no mini or party speakers by their titles',
    args: [
      ...['bluetooth speaker', '--free-shipping', '--title-exclude', 'mini', '--title-exclude', 'party'],
      ...['--min-feedback-percentage', '98'],
    ],
  },
  {
    about: 'auctions too: they have bids instead of a price',
    args: ['vintage camera', '--buying-option', 'AUCTION', '--max-items', '50', '--sort', 'endingSoonest'],
  },
  { about: 'what nobody sells is an answer too, not an error', args: ['left-handed screwdriver of 1873'] },
];

/** The request that `dpf search` makes of the same arguments. */
export function demoRequest({ args }: DemoSearch, defaults: { marketplace: string }): SearchRequest {
  const command = addRequestFlags(new Command().argument('[query]'));
  command.parse(args, { from: 'user' });
  return requestFrom(command.args[0], command.opts(), defaults);
}

/** The search as a line for a shell. */
export function demoLine({ args }: DemoSearch): string {
  return `dpf search ${args.map((arg) => (/^[\w:.-]+$/.test(arg) ? arg : `"${arg}"`)).join(' ')}`;
}
