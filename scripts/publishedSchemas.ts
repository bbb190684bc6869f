import type { TSchema } from 'typebox';
import { EVENT_SCHEMAS } from '../src/events/event.ts';
import { AlertMessageSchema } from '../src/product/alertMessage.ts';
import { AlertSchema } from '../src/product/alertSchema.ts';
import { ChannelSchema } from '../src/product/channelSchema.ts';
import { PlanReportSchema } from '../src/product/planReport.ts';
import { ProductSchema } from '../src/product/product.ts';
import { SearchRequestSchema } from '../src/product/requestSchema.ts';
import { SearchSummarySchema } from '../src/product/summary.ts';

/** The published JSON Schemas, file name → text. */
export function publishedSchemas(): Map<string, string> {
  const events = Object.entries(EVENT_SCHEMAS).map(
    ([type, schema]) => [`events/${type}.json`, schema] as const,
  );
  const files: (readonly [name: string, schema: TSchema])[] = [
    ['search-request.json', SearchRequestSchema],
    ['product.json', ProductSchema],
    ['search-summary.json', SearchSummarySchema],
    ['plan-report.json', PlanReportSchema],
    ['alert.json', AlertSchema],
    ['channel.json', ChannelSchema],
    ['alert-message.json', AlertMessageSchema],
    ...events,
  ];
  return new Map(
    files.map(([name, schema]) => [
      name,
      `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schema }, null, 2)}\n`,
    ]),
  );
}
