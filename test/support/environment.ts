/** Commands in this process find these variables. What they were before comes back after the tests. */
export function useEnvironment(variables: () => Record<string, string>): void {
  let former: NodeJS.ProcessEnv;
  before(() => {
    const added = variables();
    former = Object.fromEntries(Object.keys(added).map((name) => [name, process.env[name]]));
    Object.assign(process.env, added);
  });
  after(() => {
    for (const [name, value] of Object.entries(former ?? {})) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}
