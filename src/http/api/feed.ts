import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Feed, type Item } from 'feed';
import type { Redis } from 'ioredis';
import { latestOfTrack, type ProductEvent } from '../../events/stream.ts';
import { listingNamed } from '../../product/itemReference.ts';
import type { Product } from '../../product/product.ts';
import { Type } from '../../product/type.ts';
import { tidy } from '../../queue/alerts/channels/words.ts';
import { SavedTracks } from '../../results/savedTracks.ts';
import { moneyText } from '../../text/values.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import type { Role } from '../auth/apiKeys.ts';
import { listingsOfEvents } from '../listingsOfEvents.ts';
import { html } from '../page/html.ts';
import { notFound } from '../problem.ts';
import type { ProducerOf } from './searches.ts';

const READ: Role[] = ['read'];

/** Entries of a feed. */
const NEWEST = 50;
/** Events that are looked at for them: each is about 500 bytes. */
const AMONG = 20_000;
/** A title of eBay has at most 80 characters; this is for texts that break the rule. */
const LONGEST_TITLE = 120;

const params = Type.Object({ name: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }) });

export interface FeedOptions {
  producerOf: ProducerOf;
  redis: Redis;
  prefix: string;
}

/** The product events of a track as a feed for people (Atom 1.0, RFC 4287). */
export function feedRoutes({ producerOf, redis, prefix }: FeedOptions): Routes {
  const tracks = new SavedTracks(redis, prefix);
  return (app) => {
    const summary = 'What changed in a track, as an Atom feed; the key may be the password of HTTP Basic';
    const route = keyed(READ, 'alerts', summary, { params });
    const config = { ...route.config, takesBasic: true };
    app.get('/v1/tracks/:name/feed.atom', { ...route, config }, async (request, reply) => {
      const { name } = request.params;
      const { tenant } = callerOf(request);
      const [track, events] = await Promise.all([
        tracks.head({ tenant, name }),
        latestOfTrack(redis, prefix, { tenant, track: name }, { count: NEWEST, among: AMONG }),
      ]);
      const updated = events[0]?.at ?? track?.state.began;
      if (updated === undefined) throw notFound();
      const { listings } = await listingsOfEvents(producerOf(tenant), events);
      const home = `${originOf(request)}${app.basePath}`;
      const text = trackFeed({ tenant, name, home, updated, events, listings });
      const tag = `"${hash('sha256', text).slice(0, 32)}"`;
      // Programs ask again and again: a copy may be kept, but it is asked for whether it is still right.
      reply.headers({ etag: tag, 'cache-control': 'private, no-cache' });
      if (isKnown(tag, request.headers['if-none-match'])) return reply.code(304).send();
      return reply.type('application/atom+xml; charset=utf-8').send(text);
    });
  };
}

interface TrackFeed {
  tenant: string;
  /** Of the track. */
  name: string;
  /** Address of the start page, without a `/` at the end. */
  home: string;
  /** When something changed last. */
  updated: string | number;
  /** Newest first. */
  events: readonly ProductEvent[];
  /** By event, the listing where it is known and may be shown. */
  listings: ReadonlyMap<string, Product>;
}

/** As Atom 1.0. */
export function trackFeed({ tenant, name, home, updated, events, listings }: TrackFeed): string {
  const feed = new Feed({
    title: `What changed in ${name}`,
    description: 'New listings, changed prices and ended listings on eBay',
    id: `urn:dropship-product-finder:track:${tenant}:${name}`,
    link: `${home}/`,
    feed: `${home}/v1/tracks/${name}/feed.atom`,
    updated: new Date(updated),
    author: { name: 'dropship-product-finder' },
    generator: 'dropship-product-finder',
  });
  for (const event of events) feed.addItem(entryOf(event, listings.get(event.id)));
  return feed.atom1();
}

/** A tag that a proxy has made weak is the same (RFC 9110, 13.1.2). */
function isKnown(tag: string, header = ''): boolean {
  return header.trim() === '*' || header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}

/** Where the reader finds this server. The host has the form of one, and may still be none that fits an address. */
function originOf({ headers, host }: FastifyRequest): string {
  const scheme = /^https\b/i.test(String(headers['x-forwarded-proto'])) ? 'https' : 'http';
  const origin = `${scheme}://${host}`;
  return URL.canParse(origin) ? new URL(origin).origin : 'http://localhost';
}

function entryOf(event: ProductEvent, listing: Product | undefined): Item {
  const number = listingNamed(event.product.itemId);
  const name = tidy(listing?.title ?? '', LONGEST_TITLE) || `Item ${number}`;
  const change = changeText(event, listing);
  const link =
    webAddress(listing?.affiliateUrl) ??
    webAddress('url' in event.product ? event.product.url : undefined) ??
    `https://www.ebay.com/itm/${number}`;
  const image = webAddress(listing?.images[0]);
  const condition = tidy(listing?.condition ?? '', LONGEST_TITLE);
  const content = html`${image !== undefined && html`<p><a href="${link}"><img src="${image}" alt=""></a></p>`}<p>${change}</p>${
    condition !== '' && html`<p>${condition}</p>`
  }<p><a href="${link}">See it on eBay</a>${listing?.affiliateUrl !== undefined && ' (affiliate link)'}</p>`;
  return {
    // Titles are markup in this feed.
    title: String(html`${name}: ${change}`),
    id: `urn:dropship-product-finder:event:${event.id}`,
    link,
    date: new Date(event.at),
    content: String(content),
  };
}

/** `$6.99 → $3.10 delivered`. */
function changeText(event: ProductEvent, listing: Product | undefined): string {
  const { type, product } = event;
  if (type === 'product.gone') return 'no longer listed';
  const isHidden = 'priceDisplay' in product || (listing?.priceDisplay ?? null) !== null;
  if (isHidden) return `${CHANGES[type]}, eBay shows the price`;
  if (type === 'product.new')
    return product.total === null ? 'new' : `new, ${moneyText(product.total)} delivered`;
  return `${moneyText(event.formerTotal)} → ${moneyText(product.total)} delivered`;
}

const CHANGES = {
  'product.new': 'new',
  'product.price-dropped': 'price dropped',
  'product.price-rose': 'price rose',
};

/** An address that may stand in markup of any kind. */
function webAddress(address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return /^https?:$/.test(url.protocol) ? url.href : undefined;
}
