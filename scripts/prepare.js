// npm runs it in a checkout, and for an installation from a git URL. `npm ci --omit=dev` leaves out what the build needs.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (existsSync(new URL('../node_modules/@types/node', import.meta.url)))
  execSync('npm run build', { stdio: 'inherit' });
else console.log('not built: without the dev dependencies there is no compiler');
