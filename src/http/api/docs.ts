import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';

import { type App, allowScope, type Routes } from '../access.ts';
import { docsAssets, readAssets } from '../page/assets.ts';
import { html, rendered } from '../page/html.ts';
import { brand } from '../page/layout.ts';
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
        { name: 'alerts', description: 'Messages about changes, and the channels that they are sent to' },
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
          // Swagger UI shows it as it is.
          ...(schema?.summary && { summary: schema.summary.replaceAll('`', '') }),
          response: { ...(schema?.response as object), default: PROBLEM },
          security: isKeyed ? ways : [],
          ...(isKeyed && { description: `Needs a key with the role ${access.join(' or ')}.` }),
        },
      };
    },
  });
}

/** Swagger UI has a dark look and leaves it to others when. */
const DARK = `const dark = matchMedia('(prefers-color-scheme: dark)');
const set = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', set);
set();
`;

/** The API's description for people at `/docs`, for programs at `/docs/json`. */
export const docsRoutes: Routes = async (app) => {
  allowScope(app, 'public');
  // Swagger UI takes HEAD for everything below its folder of files, and finds no such file for what is none.
  app.addHook('onRoute', (route) => {
    if (route.method === 'GET') route.method = ['GET', 'HEAD'];
  });
  const { style, mark } = docsAssets();
  const bar = html`<body><header class="bar">${brand(readAssets().mark)}<a href="/docs/json">OpenAPI document</a></header>`;
  const top = rendered(bar, app.basePath);
  app.addHook('onSend', async (_, reply, payload) => {
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    return isPage && typeof payload === 'string' ? payload.replace('<body>', top) : payload;
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: app.basePath,
    theme: {
      title: 'API · Product finder',
      css: [{ filename: 'product-finder.css', content: style }],
      js: [{ filename: 'dark-mode.js', content: DARK }],
      favicon: [
        {
          filename: 'mark.svg',
          rel: 'icon',
          type: 'image/svg+xml',
          sizes: 'any',
          content: Buffer.from(mark),
        },
      ],
    },
    // BaseLayout has no top bar, whose inline style violates the content security policy.
    uiConfig: {
      layout: 'BaseLayout',
      validatorUrl: null,
      persistAuthorization: false,
      tryItOutEnabled: true,
    },
  });
};
