import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';

import { type App, allowScope, type Routes } from '../access.ts';
import { ProblemSchema } from './schemas.ts';

const DESCRIPTION = `Answers eBay product searches within eBay's call limits. A search is put in with \`POST /v1/searches\`, waits its
turn, and its products can be read as soon as they are there.

Every call needs a key: \`Authorization: Bearer dpf_live_…\` (\`dpf keys add NAME\`). Every error is
\`application/problem+json\`; its \`errors\` say what is wrong, where, and what is allowed. 429 and 503 come with
\`Retry-After\`.`;

const PROBLEM = {
  description: 'What is wrong',
  content: { 'application/problem+json': { schema: ProblemSchema } },
};

/** Builds the OpenAPI document from the schemas of the routes. Comes before them. */
export async function collectDocs(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      ...(app.basePath !== '' && { servers: [{ url: app.basePath }] }),
      info: {
        title: 'dropship-product-finder',
        version: '1',
        description: DESCRIPTION,
        license: { name: 'MIT' },
      },
      tags: [
        { name: 'searches', description: 'Products of eBay that fit a request' },
        { name: 'schedules', description: 'Searches that are run again and again' },
        {
          name: 'watchlists',
          description: 'Listings that are watched for price, stock, arrival, end and return',
        },
        { name: 'operations', description: 'How the service runs' },
      ],
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer' },
          password: { type: 'http', scheme: 'basic', description: 'any user name, the key as the password' },
        },
      },
    },
    hideUntagged: true,
    transform: ({ schema, url, route }) => {
      const access = route.config?.access ?? 'public';
      const isKeyed = typeof access !== 'string';
      const ways: Record<string, string[]>[] = [{ key: [] }];
      if (route.config?.takesBasic) ways.push({ password: [] });
      return {
        url,
        schema: {
          ...schema,
          response: { ...(schema?.response as object), default: PROBLEM },
          security: isKeyed ? ways : [],
          ...(isKeyed && { description: `Needs a key with the role ${access.join(' or ')}.` }),
        },
      };
    },
  });
}

/** The API's description for people at `/docs`, for programs at `/docs/json`. */
export const docsRoutes: Routes = async (app) => {
  allowScope(app, 'public');
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: app.basePath,
    theme: { title: 'dropship-product-finder: API' },
    // BaseLayout has no top bar, whose inline style violates the content security policy.
    uiConfig: {
      layout: 'BaseLayout',
      validatorUrl: null,
      persistAuthorization: false,
      tryItOutEnabled: true,
    },
  });
};
