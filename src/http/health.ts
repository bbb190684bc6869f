import type { Section } from './section.ts';

export interface HealthOptions {
  /** Whether the process does its work at all. */
  isAlive: () => boolean;
  /** What keeps it from working, one sentence each; empty when it is ready. */
  obstacles: () => Promise<string[]>;
}

/** `/livez` and `/readyz`: 200, or 503 with the reasons. For load balancers, so without a key. */
export function healthRoutes({ isAlive, obstacles }: HealthOptions): Section {
  const methods = ['GET', 'HEAD'];
  return {
    rules: ['/livez', '/readyz'].flatMap((url) =>
      methods.map((method) => ({ method, url, access: 'public' as const })),
    ),
    register(app) {
      app.route({
        method: methods,
        url: '/livez',
        handler: async (_, reply) => {
          const alive = isAlive();
          return reply.code(alive ? 200 : 503).send({ alive });
        },
      });
      app.route({
        method: methods,
        url: '/readyz',
        handler: async (_, reply) => {
          const reasons = await obstacles();
          return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
        },
      });
    },
  };
}
