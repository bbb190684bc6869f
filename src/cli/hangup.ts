/** SIGHUP, by which a process is told to read its files again. Before anything has come up it does nothing. */
export interface Hangup {
  reloads(app: { reload(): Promise<void> }): void;
  /** Gives the signal back to Node, which ends the process by it. */
  dispose(): void;
}

export function onHangup(): Hangup {
  const apps: Array<{ reload(): Promise<void> }> = [];
  const reload = () => {
    for (const app of apps) void app.reload();
  };
  process.on('SIGHUP', reload);
  return { reloads: (app) => void apps.push(app), dispose: () => process.off('SIGHUP', reload) };
}
