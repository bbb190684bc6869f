/** The dashboard's own pages: plain HTML that needs no script, their only style a file of ours. */

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; background: light-dark(#f4f6f8, #151a21) }
main { width: min(24rem, 90vw); padding: 2rem; border-radius: .75rem; background: light-dark(#fff, #1e252e);
  box-shadow: 0 2px 12px #0002 }
h1 { margin: 0 0 .25rem; font-size: 1.25rem }
p { margin: 0 0 1.25rem }
label { display: block; margin-bottom: .35rem; font-weight: 600 }
input { box-sizing: border-box; width: 100%; padding: .6rem .75rem; border: 1px solid #8b96a5; border-radius: .4rem;
  font: inherit; margin-bottom: 1rem }
button { width: 100%; padding: .65rem; border: 0; border-radius: .4rem; background: #1f5fbf; color: #fff; font: inherit;
  font-weight: 600; cursor: pointer }
:is(input, button, a):focus-visible { outline: 3px solid #6aa5ff; outline-offset: 2px }
[role=alert] { padding: .6rem .75rem; border-left: 4px solid #c0392b; background: #c0392b1f }
code { font-size: .9em }
`;

export function styleSheet(): string {
  return STYLE.trim();
}

/** @param base the path that the dashboard stands at @param mistake why the last attempt failed */
export function loginPage(base: string, mistake?: string): string {
  return page(
    base,
    'Log in',
    `<p>Paste an API key with the role <code>operate</code> (<code>dpf keys add</code>).</p>
${mistake === undefined ? '' : `<p role="alert">${escaped(mistake)}</p>`}
<form method="post" action="${base}/login">
<label for="key">API key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form>`,
  );
}

export function logoutPage(base: string): string {
  return page(
    base,
    'Log out',
    `<p>This browser forgets its login; the key stays valid.</p>
<form method="post" action="${base}/logout"><button>Log out</button></form>`,
  );
}

function page(base: string, title: string, content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} – dropship-product-finder</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/login.css">
</head>
<body>
<main>
<h1>dropship-product-finder</h1>
${content}
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
