import { createRequire } from 'node:module';
import { expect } from 'chai';
import { ConfigError, optionalPackage } from '../../../src/config/config.ts';

describe('an optional package', () => {
  const imported = (name: string) => import(name);

  it('that is installed is the module itself', async () => {
    expect(await optionalPackage(imported('node:path'), 'this test')).to.have.property('join');
  });

  it('that is missing is named, with what needs it and how to install it', async () => {
    for (const [specifier, name] of [
      ['no-such-package', 'no-such-package'],
      ['@no-such/package/part', '@no-such/package'],
    ] as const) {
      const error = await optionalPackage(imported(specifier), 'this test').catch((thrown) => thrown);
      expect(error).to.be.instanceOf(ConfigError);
      expect(error.message).to.equal(
        `${name} is not installed, but this test needs it: run npm install ${name}`,
      );
    }
    const required = async () => createRequire(import.meta.url)('no-such-package');
    expect(await optionalPackage(required(), 'this test').catch((thrown) => thrown)).to.be.instanceOf(
      ConfigError,
    );
  });

  it('that breaks for another reason keeps its error', async () => {
    const broken = new TypeError('broken');
    expect(await optionalPackage(Promise.reject(broken), 'this test').catch((thrown) => thrown)).to.equal(
      broken,
    );
  });
});
