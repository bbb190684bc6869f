/** In a worker's process: says that it is ready, and afterwards its CPU time in ms whenever it is asked. */
export function answerWithCpu() {
  process.on('message', () => process.send(cpuMs()));
  process.on('disconnect', () => process.exit(0));
  process.send('ready');
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
