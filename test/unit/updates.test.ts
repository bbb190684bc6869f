import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { REDIS_IMAGE, REDIS_SOURCE } from '../../src/redis/ensureServer.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Manager {
  managerFilePatterns: string[];
  matchStrings: string[];
  autoReplaceStringTemplate?: string;
}

describe('the update bot', () => {
  const { customManagers, customDatasources, packageRules } = JSON.parse(read('renovate.json')) as {
    customManagers: Manager[];
    customDatasources: Record<string, { transformTemplates: string[] }>;
    packageRules: Array<{ matchDatasources?: string[]; minimumReleaseAge?: string | null }>;
  };

  it('finds image and source of Redis in the code, each once, and writes them as they stand', () => {
    const found = customManagers.flatMap(({ managerFilePatterns, matchStrings, autoReplaceStringTemplate }) =>
      managerFilePatterns.flatMap((path) =>
        matchStrings.flatMap((pattern) =>
          [...read(path).matchAll(new RegExp(pattern, 'g'))].map(({ 0: text, groups = {} }) => {
            const { currentValue = '', currentDigest = '' } = groups;
            const written = autoReplaceStringTemplate
              ?.replaceAll('{{{newValue}}}', currentValue)
              .replaceAll('{{{newDigest}}}', currentDigest);
            if (written !== undefined) expect(written).to.equal(text);
            return `${currentValue}@${currentDigest}`;
          }),
        ),
      ),
    );
    expect(found).to.deep.equal([
      REDIS_IMAGE.replace('redis:', ''),
      `${REDIS_SOURCE.version}@${REDIS_SOURCE.sha256}`,
    ]);
  });

  it('requires no age of releases from a list without dates, where it would wait for ever', () => {
    const undated = Object.entries(customDatasources).filter(
      ([, { transformTemplates }]) => !transformTemplates.join().includes('releaseTimestamp'),
    );
    expect(undated).to.have.length(1);
    for (const [name] of undated) {
      const rules = packageRules.filter(({ matchDatasources }) =>
        matchDatasources?.includes(`custom.${name}`),
      );
      expect(rules.map(({ minimumReleaseAge }) => minimumReleaseAge)).to.deep.equal([null]);
    }
  });

  it('finds a digest with every image that compose only runs', () => {
    const images = [...read('docker-compose.yml').matchAll(/^ +image: (\S+)$/gm)].map(
      ([, image = '']) => image,
    );
    const foreign = images.filter((image) => !image.startsWith('dropship-product-finder:'));
    expect(foreign).to.have.length(3);
    for (const image of foreign) expect(image).to.match(/^[\w/]+:v?\d[\w.-]+@sha256:[0-9a-f]{64}$/);
  });
});
