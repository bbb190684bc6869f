import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import type { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyPluginCallback } from 'fastify';

/**
 * What may be changed through the board when it may change anything. Not among it is what the call gate and the queues'
 * limits stand on (rate limit, its release, concurrency), and what loses searches (empty, obliterate, clean, remove),
 * edits jobs past the checks (add, update, delay, priority) or belongs to `dpf schedule`.
 */
const WRITES = new Set([
  '/api/queues/:queueName/pause',
  '/api/queues/:queueName/resume',
  '/api/queues/:queueName/retry/:queueStatus',
  '/api/queues/:queueName/:jobId/retry',
]);

type ApiRoutes = Parameters<FastifyAdapter['setApiRoutes']>[0];

/** Bull Board with the routes of the list alone; what it throws is told like every other error of the server. */
class Adapter extends FastifyAdapter {
  readonly #writes: boolean;

  constructor(writes: boolean) {
    super();
    this.#writes = writes;
  }

  override setApiRoutes(routes: ApiRoutes): FastifyAdapter {
    const mayServe = ({ method, route }: ApiRoutes[number]) =>
      [method].flat().every((each) => each === 'get') ||
      (this.#writes && [route].flat().every((each) => WRITES.has(each)));
    return super.setApiRoutes(routes.filter(mayServe));
  }

  override setErrorHandler(): this {
    return super.setErrorHandler((error) => {
      throw error;
    });
  }
}

export interface BoardOptions {
  basePath: string;
  writes: boolean;
  /** Whether there is a login to leave. */
  logout: boolean;
}

export interface Board {
  plugin: FastifyPluginCallback;
  /** From now on the board has this queue. */
  show(queue: BaseAdapter): void;
}

export function openBoard({ basePath, writes, logout }: BoardOptions): Board {
  const adapter = new Adapter(writes);
  const uiBasePath = dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json'));
  const { addQueue } = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: {
      uiBasePath,
      uiConfig: {
        boardTitle: 'Product finder',
        hideRedisDetails: true,
        hideDocsLink: true,
        ...(logout ? { miscLinks: [{ text: 'Log out', url: `${basePath}/logout` }] } : {}),
      },
    },
  });
  adapter.setBasePath(basePath);
  return { plugin: adapter.registerPlugin() as FastifyPluginCallback, show: addQueue };
}

/**
 * The board's page without what the content security policy would refuse anyway: a stylesheet from elsewhere, and the
 * styles of the word "Loading".
 */
export function withoutForeignParts(html: string): string {
  return html
    .replace(/<link[^>]*href="https?:\/\/[^>]*>/g, '')
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/ style="[^"]*"/g, '');
}
