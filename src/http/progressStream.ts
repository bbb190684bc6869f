import { Failure } from '../failures.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { SearchReport } from '../queue/report.ts';

/** Proxies end a connection that says nothing for a minute. */
const HEARTBEAT_MS = 15_000;

/** How a search gets on as server-sent events: `progress` whenever it changes, one `end`. */
export async function* progressStream(
  producer: SearchProducer,
  searchId: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const waiting: string[] = ['retry: 3000\n\n'];
  let wake = () => {};
  const say = (text: string) => {
    waiting.push(text);
    wake();
  };
  const heartbeat = setInterval(() => say(': still there\n\n'), HEARTBEAT_MS);
  const onProgress = (report: SearchReport) => {
    if (report.state !== 'done') say(eventOf('progress', report));
  };
  let over = false;
  const watching = producer
    .waitFor(searchId, { onProgress, signal })
    .then((report) => say(eventOf('end', report)))
    .catch((error) => sayFailure(error, say))
    .finally(() => {
      over = true;
      wake();
    });
  try {
    while (!over || waiting.length > 0) {
      // Only the latest matters to a reader that lags behind: the state is whole each time.
      const next = waiting.length > 100 ? waiting.splice(0).at(-1) : waiting.shift();
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await watching;
  } finally {
    clearInterval(heartbeat);
  }
}

/** The server closes or the reader left: nothing is wrong with the search. */
function sayFailure(error: unknown, say: (text: string) => void): void {
  if (error instanceof Failure && error.code === 'interrupted') return;
  const code = error instanceof Failure ? error.code : 'internal';
  say(eventOf('error', { code }));
}

function eventOf(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
