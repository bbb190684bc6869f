import { Redis } from 'ioredis';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { freePort } from './freePort.ts';
import { waitFor } from './waitFor.ts';

const SLOTS = 16_384;

export interface TestCluster {
  url: string;
  nodes: EmbeddedRedis[];
  stop(): Promise<void>;
}

/** Three masters that share the slots among them. */
export async function startTestCluster(): Promise<TestCluster> {
  const nodes = await Promise.all([1, 2, 3].map(startNode));
  const admins = nodes.map(({ url }) => new Redis(url));
  try {
    await Promise.all(
      admins.map((admin, place) => {
        const [from, to] = [place, place + 1].map((share) => Math.floor((share * SLOTS) / nodes.length));
        return admin.cluster('ADDSLOTSRANGE', from as number, (to as number) - 1);
      }),
    );
    for (const { node, busPort } of nodes.slice(1))
      await (admins[0] as Redis).call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPort);
    for (const admin of admins)
      await waitFor(
        'the cluster to be whole',
        async () => {
          const info = await admin.cluster('INFO');
          return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info);
        },
        60_000,
      );
  } finally {
    for (const admin of admins) admin.disconnect();
  }
  return {
    url: `redis+cluster://${nodes.map(({ node }) => `127.0.0.1:${node.port}`).join(',')}`,
    nodes: nodes.map(({ node }) => node),
    stop: async () => {
      await Promise.all(nodes.map(({ node }) => node.stop()));
    },
  };
}

async function startNode() {
  const busPort = await freePort();
  const node = await startEmbeddedRedis({
    args: [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(busPort),
      '--cluster-announce-ip',
      '127.0.0.1',
    ],
  });
  return { node, busPort, url: node.url };
}
