import { readFileSync } from 'node:fs';
import { environment } from '../config/config.ts';

const LOOK_EVERY_MS = 1000;

/** The processes that npm, npx and their like show (`npm exec dpf worker`). */
const LAUNCHER = /(^|[/\\ ])(npm|npx|pnpm|yarn|yarnpkg)(-cli)?(\.c?js)?( |$)/;

/**
 * Calls `ended` once the npm or npx that started this process has ended. npm 11 hands no signal on: after a SIGTERM to it the
 * process would go on, and its supervisor would take it for stopped. What leads a session of its own (`setsid`) goes on.
 * @returns ends the watch
 */
export function watchLauncher(ended: () => void): () => void {
  const parents = launcherOf(process.pid);
  if (parents === undefined) return () => undefined;
  const timer = setInterval(() => {
    // Without a free file descriptor nothing is known. A later look finds out.
    if (parents.some(({ child, parent }) => ifKnown(() => parentOf(child) !== parent))) ended();
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

interface Parent {
  child: number;
  parent: number;
}

/** From this process to its launcher: the parent itself, or the parent of a shell in between. Undefined without one. */
function launcherOf(pid: number): Parent[] | undefined {
  if (environment().npm_execpath === undefined || ifKnown(() => leadsSession(pid))) return undefined;
  const parents: Parent[] = [];
  for (let child = pid; parents.length < 2; ) {
    const parent = ifKnown(() => parentOf(child));
    if (parent === undefined || parent <= 1) break;
    parents.push({ child, parent });
    const commandLine = ifKnown(() => procText(parent, 'cmdline'))?.replaceAll('\0', ' ');
    // Without /proc the variable alone says it, and the parent is all that can be watched.
    if (commandLine === undefined || LAUNCHER.test(commandLine.trim())) return parents;
    child = parent;
  }
  return undefined;
}

function leadsSession(pid: number): boolean {
  return Number(statFields(pid)?.[3]) === pid;
}

function parentOf(pid: number): number | undefined {
  if (pid === process.pid) return process.ppid;
  const field = statFields(pid)?.[1];
  return field === undefined ? undefined : Number(field);
}

/** State, parent, group, session, …: what follows the name, which may hold spaces. */
function statFields(pid: number): string[] | undefined {
  const text = procText(pid, 'stat');
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Undefined where there is no such process, or no /proc. @throws where that is not known, such as EMFILE */
function procText(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function ifKnown<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
