/** Where programs such as `redis-server` are looked for. */
export function searchPath(): string {
  return process.env.PATH ?? '';
}
