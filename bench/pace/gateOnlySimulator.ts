import { startSimulator } from '../../src/simulator/simulator.ts';

const { url } = await startSimulator({ catalogueScale: 0.05 });
process.send?.({ url });
