import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { App, RouteTable, Section } from '../section.ts';
import { ProblemSchema } from './schemas.ts';

const DESCRIPTION = `Answers eBay product searches within eBay's call limits. A search is put in with \`POST /v1/searches\`, takes its
turn, and its products are read as soon as they are there.

Every call needs a key: \`Authorization: Bearer dpf_live_…\` (\`dpf keys add NAME\`). Every error is
\`application/problem+json\`; its \`errors\` say what is wrong, where, and what is allowed. 429 and 503 come with
\`Retry-After\`.`;

/** Collects what the routes say of themselves. Comes before them. */
export async function collectDocs(app: App, table: RouteTable): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'dropship-product-finder',
        version: '1',
        description: DESCRIPTION,
        license: { name: 'MIT' },
      },
      tags: [
        { name: 'searches', description: 'Products of eBay that fit a request' },
        { name: 'schedules', description: 'Searches that are run again and again' },
        { name: 'operations', description: 'How the service runs' },
      ],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    },
    hideUntagged: true,
    transform: ({ schema, url, route }) => {
      const method = [route.method].flat()[0] ?? 'GET';
      const access = table.find(method, url)?.access ?? 'public';
      const isKeyed = typeof access !== 'string';
      const response = { ...(schema?.response as object), default: PROBLEM };
      return {
        url,
        schema: {
          ...schema,
          response,
          security: isKeyed ? [{ key: [] }] : [],
          ...(isKeyed ? { description: `Needs a key with the role ${access.join(' or ')}.` } : {}),
        },
      };
    },
  });
}

const PROBLEM = {
  description: 'What is wrong',
  content: { 'application/problem+json': { schema: ProblemSchema } },
};

/** The API's description for people at `/docs`, for programs at `/docs/json`. Public, like the API's shape. */
export function docsRoutes(): Section {
  const access = 'public' as const;
  return {
    rules: [
      { method: 'GET', url: '/docs', access },
      { method: 'GET', url: '/docs/*', access },
      { method: 'HEAD', url: '/docs/*', access },
    ],
    async register(app) {
      await app.register(swaggerUi, {
        routePrefix: '/docs',
        theme: { title: 'dropship-product-finder: API' },
        // Without the bar above it, which asks for another description and has a style of its own that the policy forbids.
        uiConfig: {
          layout: 'BaseLayout',
          validatorUrl: null,
          persistAuthorization: false,
          tryItOutEnabled: true,
        },
      });
    },
  };
}
