import cookie from '@fastify/cookie';
import { allowScope, type Routes } from '../access.ts';
import { acceptForms, formOf, requireOwnPage, type Session, SIGN_IN, SIGN_OUT } from '../auth/login.ts';
import { problemOf } from '../problem.ts';
import { alertRoutes } from './alerts/alertRoutes.ts';
import { csrfField, type Html, html } from './html.ts';
import { newsRoutes } from './news/newsRoutes.ts';
import { resultRoutes } from './result/resultRoutes.ts';
import { savedRoutes } from './saved/savedRoutes.ts';
import { searchRoutes } from './search/searchRoutes.ts';
import { searchListRoutes } from './searches/searchesRoutes.ts';
import { openPage, type Page, type PageOptions, requireToken } from './visit.ts';
import { watchingRoutes } from './watching/watchingRoutes.ts';

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
      return page.showProblem(request, reply, shown);
    });
    loginRoutes(page);
    searchRoutes(page);
    resultRoutes(page);
    searchListRoutes(page);
    savedRoutes(page);
    watchingRoutes(page);
    alertRoutes(page);
    newsRoutes(page);
  };
}

function loginRoutes({ app, login, show }: Page): void {
  if (login === undefined) {
    for (const url of [SIGN_IN, SIGN_OUT]) app.get(url, async (_, reply) => reply.redirect('/', 303));
    return;
  }
  login.addRoutes(app, (reply, title, content) => show({ reply }, { title, content }));
  app.get(SIGN_OUT, async (request, reply) => {
    const session = await login.session(request);
    if (session === undefined) return reply.redirect(SIGN_IN, 303);
    return show({ ...session, reply }, { title: 'Sign out', content: signOutForm(session) });
  });
  app.post(SIGN_OUT, async (request, reply) => {
    requireOwnPage(request);
    const session = await login.session(request);
    if (session) requireToken(formOf(request), session.csrf);
    return login.signOut(request, reply);
  });
}

/** Where links lead that can send no form, as those of the dashboard. */
function signOutForm({ csrf, caller }: Session): Html {
  return html`<form class="sign-in box" method="post" action="${SIGN_OUT}">${csrfField(csrf)}
<h1>Sign out</h1>
<p>This browser forgets the key <strong>${caller.name}</strong>. The key stays valid.</p>
<p class="actions"><button class="main">Sign out here</button>
<button name="everywhere" value="1">In all browsers</button>
<a class="button" href="/">Stay</a></p>
</form>`;
}
