import { print } from '../product/published.ts';
import { EVENT_SCHEMAS } from './event.ts';

/** The published JSON Schemas of the events, file name → text. */
export function publishedEventSchemas(): Map<string, string> {
  return new Map(
    Object.entries(EVENT_SCHEMAS).map(([type, schema]) => [`events/${type}.json`, print(schema)]),
  );
}
