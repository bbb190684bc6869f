import type { Section } from './section.ts';

/** Whether the process does its work at all; where not, only a new start helps. */
export interface Liveness {
  alive: boolean;
  /** How late the process's event loop usually runs, ms. */
  eventLoopLagMs: number;
  /** Why it is not alive, one sentence each. */
  reasons: string[];
}

/** Whether the process can do its work now. */
export interface Readiness {
  ready: boolean;
  /** What keeps it from working, one sentence each. */
  reasons: string[];
  /** What it works without, or waits for by itself. */
  degraded: string[];
}

/** What load balancers and orchestrators ask. */
export interface Health {
  live(): Liveness;
  ready(): Promise<Readiness>;
}

/** `/livez` and `/readyz`: 200, or 503 with the reasons. Without a key. */
export function healthRoutes(health: Health): Section {
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
          const live = health.live();
          return reply.code(live.alive ? 200 : 503).send(live);
        },
      });
      app.route({
        method: methods,
        url: '/readyz',
        handler: async (_, reply) => {
          const readiness = await health.ready();
          return reply.code(readiness.ready ? 200 : 503).send(readiness);
        },
      });
    },
  };
}
