import { expect } from 'chai';
import { MARKETPLACES } from '../../../src/config/formats.ts';
import { countryMeant, countryName, countryNames, isCountry } from '../../../src/product/countries.ts';

describe('countries', () => {
  it('are those of ISO 3166, each with a name of its own, in the order of the names', () => {
    const names = countryNames();
    const texts = Object.values(names);
    expect(texts).to.have.length(249);
    expect(new Set(texts).size).to.equal(249);
    expect(texts.filter((name) => /^[A-Z]{2}$/.test(name))).to.deep.equal([]);
    expect(texts.slice(0, 2)).to.deep.equal(['Afghanistan', 'Åland Islands']);
    expect(names).to.include({ ES: 'Spain', DE: 'Germany', GE: 'Georgia', IE: 'Ireland', AT: 'Austria' });
  });

  it('hold those of every marketplace, and no other two letters', () => {
    for (const id of Object.keys(MARKETPLACES)) {
      const [, code = ''] = /_([A-Z]{2})$/.exec(id) ?? [];
      expect(code === '' || isCountry(code), id).to.equal(true);
    }
    expect(['SP', 'UK', 'EU', 'ZZ', 'es', '', 'ESP'].filter(isCountry)).to.deep.equal([]);
    expect(countryName('SP')).to.equal('SP');
  });

  it('are found by their names in several languages, by what people say and with a slip', () => {
    const texts = [
      'Spain',
      'Germany',
      'Deutschland',
      'Österreich',
      'espana',
      'U.K.',
      'Holland',
      'Irland',
      'Phillipines',
    ];
    expect(texts.map(countryMeant)).to.deep.equal(['ES', 'DE', 'DE', 'AT', 'ES', 'GB', 'NL', 'IE', 'PH']);
    expect(['', '  ', '12', 'Qwxyz', 'SP'].map(countryMeant)).to.deep.equal(Array(5).fill(undefined));
  });
});
