import { type Html, html } from './html.ts';

/** For people who have an API key; the key is exchanged for a session and kept nowhere. */
export function signInView(next: string, problem?: string): Html {
  return html`<form class="sign-in" method="post" action="/sign-in">
  <h1>Sign in</h1>
  <p>with an API key, as <code>dpf keys add</code> prints it.</p>
  <input type="hidden" name="next" value="${next}">
  <p class="field"><label for="key">API key</label><input id="key" name="key" type="password" required autocomplete="current-password" autofocus${problem !== undefined && html` aria-invalid="true" aria-describedby="key-problem"`}>
  ${problem !== undefined && html`<span class="problem" id="key-problem" role="alert">${problem}</span>`}</p>
  <button class="main">Sign in</button>
</form>`;
}
