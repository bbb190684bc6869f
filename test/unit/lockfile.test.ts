import { readFileSync } from 'node:fs';
import { expect } from 'chai';

interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
}

/** Licences that ask for no more than to be named; MPL asks for the source of its own files. */
const LICENSES =
  /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|PSF-2\.0|MIT-0|Unlicense|MPL-2\.0|MIT OR Apache-2\.0)$/;

describe('package-lock.json', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
  const named = (wanted: (each: Locked) => boolean) =>
    packages.flatMap(([path, each]) => (wanted(each) ? [path.replace(/^.*node_modules\//, '')] : []));

  it('pins every package by version and content, and none by an address', () => {
    expect(packages.length).to.be.greaterThan(100);
    expect(named(({ integrity = '' }) => !/^sha512-/.test(integrity))).to.deep.equal([]);
    expect(named(({ version = '' }) => !/^\d+\.\d+\.\d+/.test(version))).to.deep.equal([]);
    expect(named(({ resolved }) => resolved !== undefined)).to.deep.equal([]);
  });

  it('has no package that runs a script when an installation for production installs it', () => {
    const scripts = named(
      ({ hasInstallScript, dev, optional }) => hasInstallScript === true && !dev && !optional,
    );
    expect(scripts).to.deep.equal([]);
  });

  it('has versions that need no overrides, which would hold in this repository alone', () => {
    expect(JSON.parse(readFileSync('package.json', 'utf8'))).to.not.have.property('overrides');
  });

  it('has licences that a company may use', () => {
    expect(named(({ license = 'none' }) => !LICENSES.test(license))).to.deep.equal([]);
  });
});
