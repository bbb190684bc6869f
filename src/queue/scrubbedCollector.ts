import { asFailure, Failure } from '../failures.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import type { Collector } from './context.ts';

/**
 * eBay, or a proxy on the way, may repeat parts of our request in its errors and warnings. What goes on from here is
 * stored in several places, so it is cleaned here, once. Products are eBay's listings and pass as they are.
 */
export function scrubbedCollector(collector: Collector, scrubber: Scrubber): Collector {
  return {
    async collectPage(call) {
      const answer = await collector.collectPage(call).catch(throwClean(scrubber));
      return { ...answer, warnings: scrubber.value(answer.warnings) };
    },
    collectDetails: (call) => collector.collectDetails(call).catch(throwClean(scrubber)),
  };
}

function throwClean(scrubber: Scrubber) {
  return (thrown: unknown): never => {
    const { code, message, detail } = asFailure(thrown);
    throw new Failure(code, scrubber.text(message), scrubber.value(detail));
  };
}
