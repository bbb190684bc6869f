import cookie from '@fastify/cookie';
import { allowScope, type Routes } from '../access.ts';
import { acceptForms, formOf, requireOwnPage } from '../auth/login.ts';
import { type Problem, problemOf } from '../problem.ts';
import { alertRoutes } from './alerts/alertRoutes.ts';
import { type Document, html } from './html.ts';
import { resultRoutes } from './result/resultRoutes.ts';
import { searchRoutes } from './search/searchRoutes.ts';
import { searchListRoutes } from './searches/searchesRoutes.ts';
import { openPage, type Page, type PageOptions, requireToken } from './visit.ts';
import { scheduleRoutes } from './watching/scheduleRoutes.ts';

/** The page for people: searches, their products, schedules, the calls of the day. */
export function pageRoutes(options: PageOptions): Routes {
  return async (app) => {
    allowScope(app, 'own-login');
    await app.register(cookie);
    // Values of a form are texts, those of JSON could be anything.
    app.removeAllContentTypeParsers();
    acceptForms(app);
    const page = openPage(app, options);
    app.setErrorHandler(async (error, request, reply) => {
      const shown = problemOf(error, request.routeOptions.bodyLimit);
      // Defects go to the server's error handler.
      if (shown === undefined) throw error;
      return page.show(
        { reply: reply.code(shown.status).headers(shown.headers) },
        errorPage(shown, request.url),
      );
    });
    loginRoutes(page);
    searchRoutes(page);
    resultRoutes(page);
    searchListRoutes(page);
    scheduleRoutes(page);
    alertRoutes(page);
  };
}

function errorPage({ status, message }: Problem, address: string): Document {
  const title = status === 404 ? 'Not here any more' : status === 503 ? 'Not now' : 'That did not work';
  const gone = address.startsWith('/searches/')
    ? 'A search is kept for some hours after its end.'
    : 'It may have been removed.';
  const text = status === 404 ? gone : message;
  const content = html`<section class="error"><h1>${title}</h1><p>${text}</p><p><a href="/">Back to the start</a></p></section>`;
  return { title, content };
}

function loginRoutes({ app, login, show }: Page): void {
  if (login === undefined) {
    app.get('/sign-in', async (_, reply) => reply.redirect('/', 303));
    return;
  }
  login.addRoutes(app, (reply, title, content) => show({ reply }, { title, content }));
  app.post('/sign-out', async (request, reply) => {
    requireOwnPage(request);
    const session = await login.session(request);
    if (session) requireToken(formOf(request), session.csrf);
    return login.logOut(request, reply);
  });
}
