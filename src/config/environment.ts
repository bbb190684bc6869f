/** The process's environment: the only place that touches it. Everything else is handed what it needs. */
export function environment(): NodeJS.ProcessEnv {
  return process.env;
}
