import { countryNames } from '../../../product/countries.ts';
import { MARKETPLACE_IDS, siteName } from '../../../product/marketplaces.ts';
import { type FormValues, valuesOf } from '../../auth/login.ts';
import { csrfField, type Html, html, options } from '../html.ts';
import { aspectValueText } from './conditions.ts';
import { FIELDS, type Field, GROUPS, type Group, type Texts } from './fields.ts';
import { labelOf, type Mistake, mistakesTitle } from './mistakes.ts';

/** What is in the form. */
export interface Filled {
  /** Fields that are missing have their defaults. */
  values: Partial<FormValues>;
  /** Of a search that names none. */
  marketplace: string;
  mistakes: readonly Mistake[];
  csrf: string | null;
  /** Categories that a typed name may mean. */
  categories?: readonly CategoryChoice[];
  /** Of the values, what is not the form’s own. */
  note?: Html | undefined;
}

export interface CategoryChoice {
  id: string;
  name: string;
  /** From the top of the tree down to this one. */
  path: readonly string[];
}

/** What the form is for, where it does not begin a search. */
export interface Purpose {
  action: string;
  /** Where a script asks what it costs. */
  cost: string;
  /** More fields, and the buttons. */
  further: Html;
}

/** A list, since two letters of a typed name would be another country and so another delivered price. */
const COUNTRIES: Texts = countryNames();
const KINDS: Texts = {
  '': 'Automatic',
  words: 'Words of a title',
  listing: 'A listing’s address or number',
  code: 'A product code (UPC, EAN, ISBN)',
};
const DEFAULT_SIZE = '200';

/** Fields that are not in `FIELDS`, by the group that they stand in. */
const OWN: Readonly<Record<Group, readonly string[]>> = {
  ...{ more: ['category'], kind: ['kind'], place: [], seller: [], time: [], run: ['also'], costs: [] },
};
/** Groups that are folded within the one of conditions. */
const FOLDED = ['kind', 'place', 'seller', 'time', 'run'] as const satisfies Group[];

/** The form of a search. @param purpose what else is done with what is in it */
export function searchForm(filled: Filled, purpose?: Purpose): Html {
  const { values, marketplace, mistakes, csrf, note } = filled;
  const target =
    purpose === undefined
      ? html`action="/searches" data-estimate="/estimate" id="search"`
      : html`action="${purpose.action}" data-cost="${purpose.cost}"`;
  const rows = fieldRows(filled);
  const more = ['more', ...FOLDED] as const;
  return html`<form class="search" method="post" ${target} novalidate>
  ${csrfField(csrf)}
  ${problems(mistakes)}
  <div class="ask">
    ${rows.input('query', html`type="search" maxlength="2048" autocomplete="off" placeholder="words, a listing’s address, or a code" title="Words of a title, the address or number of a listing, or a product code (UPC, EAN, ISBN)" enterkeyhint="search"`)}
    ${rows.select('marketplace', sites(), marketplace)}
    ${rows.select('country', { '': 'Not chosen', ...COUNTRIES }, '', html` autocomplete="country"`)}
    ${rows.input('postalCode', html`maxlength="10" autocomplete="postal-code" placeholder="19406"`)}
    ${rows.input('priceMin', html`inputmode="decimal" autocomplete="off"`)}
    ${rows.input('priceMax', html`inputmode="decimal" autocomplete="off"`)}
    ${purpose === undefined && html`<button class="main">Search</button>`}
  </div>
  ${kept(values)}
  <div class="folds">
  ${fold(
    'more',
    html`More conditions${setText(countSet(more, values))}`,
    isWrong(more, mistakes),
    html`${group('more', filled)}
  <div class="nested">${FOLDED.map((name) => fold(`group-${name}`, html`${GROUPS[name]}${setText(countSet([name], values))}`, isWrong([name], mistakes), group(name, filled)))}</div>`,
  )}
  ${fold(
    'costs',
    html`Costs and margin${setText(countSet(['costs'], values))}`,
    isWrong(['costs'], mistakes),
    html`<p class="small">Your own figures, in one currency. Nothing is estimated: what is not known stays unknown.</p>
  ${group('costs', filled)}`,
  )}
  <p class="by-picture" hidden><label for="picture">or by a picture</label> <input type="file" id="picture" accept="image/*"><input type="hidden" name="image" value="${values.image ?? ''}"></p>
  ${purpose === undefined && html`<p class="estimate"><output id="estimate" for="search" aria-live="polite"></output></p>`}
  </div>
  ${note && html`<p class="small">${note}</p>`}
  ${purpose?.further}
  <datalist id="countries">${Object.values(COUNTRIES).map((name) => html`<option value="${name}">`)}</datalist>
</form>`;
}

function fold(name: string, title: Html, isOpen: boolean, content: Html): Html {
  return html`<details class="${name}"${isOpen && html` open`}><summary>${title}</summary>
  ${content}
  </details>`;
}

/** The list of mistakes has the focus, and its links lead to the fields. */
function problems(mistakes: readonly Mistake[]): Html | null {
  if (mistakes.length === 0) return null;
  return html`<div class="problems" role="alert" tabindex="-1" autofocus>
  <p>${mistakesTitle(mistakes.length)}</p>
  <ul>${mistakes.map(({ field, message }) => html`<li>${field !== '' && html`<a href="#${field}">${labelOf(field)}</a>: `}${message}</li>`)}</ul>
  </div>`;
}

/** How each kind of field is shown: a label, its control, and what is wrong with it. */
function fieldRows({ values, mistakes }: Filled) {
  const row = (name: string, control: (own: Html) => Html, hint?: string, choices?: Html | null) => {
    const problem = mistakes.find((each) => each.field === name);
    const described = problem && html` aria-invalid="true" aria-describedby="${name}-problem"`;
    return html`<div class="field field-${name}"><label for="${name}">${labelOf(name) || OWN_LABELS[name]}${hint !== undefined && html` <small class="inline">${hint}</small>`}</label>${control(html`id="${name}" name="${name}"${described}`)}
    ${problem && html`<span class="problem" id="${name}-problem">${problem.message}</span>`}${choices}</div>`;
  };
  return {
    input: (name: string, attributes: Html, hint?: string, choices?: Html | null) =>
      row(name, (own) => html`<input ${own} value="${values[name] ?? ''}" ${attributes}>`, hint, choices),
    select: (name: string, texts: Texts, chosen: string, attributes?: Html) =>
      row(name, (own) => {
        const value = values[name] ?? chosen;
        // A value that is not offered here stays.
        const all = value in texts ? texts : { ...texts, [value]: value };
        return html`<select ${own}${attributes}>${options(all, value)}</select>`;
      }),
    check: (name: string) =>
      html`<p class="check"><input type="checkbox" id="${name}" name="${name}" value="1"${values[name] && html` checked`}> <label for="${name}">${labelOf(name)}</label></p>`,
    choices: (name: string, texts: Texts, hint?: string) => {
      const chosen = valuesOf(values[name]);
      const problem = mistakes.find((each) => each.field === name);
      const others = Object.fromEntries(
        chosen.filter((value) => !(value in texts)).map((value) => [value, value]),
      );
      return html`<fieldset class="choices" id="${name}" tabindex="-1"${problem && html` aria-describedby="${name}-problem"`}><legend>${labelOf(name) || OWN_LABELS[name]}${hint !== undefined && html` <small class="inline">${hint}</small>`}</legend>
      <div>${Object.entries({ ...texts, ...others }).map(([value, text]) => html`<label><input type="checkbox" name="${name}" value="${value}"${chosen.includes(value) && html` checked`}> ${text}</label>`)}</div>
      ${problem && html`<span class="problem" id="${name}-problem">${problem.message}</span>`}</fieldset>`;
    },
  };
}

const OWN_LABELS: Texts = { kind: 'Take what I typed as', also: 'Search on these too' };

function group(name: Group, filled: Filled): Html {
  const rows = fieldRows(filled);
  const own: Partial<Record<Group, Html>> = {
    more: html`${rows.input('category', html`autocomplete="off" placeholder="headphones"`, '(name or number)', categoryChoices(filled))}`,
    kind: html`${rows.select('kind', KINDS, '')}`,
    run: html`${rows.choices('also', sites(), '(five in all)')}`,
  };
  const fields = FIELDS.filter((field) => field.group === name);
  const isBlock = ({ kind }: Field) => kind === 'choices';
  const isCheck = ({ kind }: Field) => kind === 'flag';
  const boxes = fields.filter((field) => !isBlock(field) && !isCheck(field));
  const draw = (field: Field) => fieldView(field, rows);
  return html`${fields.filter(isBlock).map(draw)}${name === 'run' && own.run}
  <div class="fields">${name !== 'run' && own[name]}${boxes.map(draw)}</div>
  ${fields.some(isCheck) && html`<div class="checks">${fields.filter(isCheck).map(draw)}</div>`}`;
}

function fieldView(
  { name, kind, texts = {}, hint, placeholder }: Field,
  rows: ReturnType<typeof fieldRows>,
): Html {
  const with_ = (attributes: Html) =>
    rows.input(
      name,
      html`autocomplete="off"${placeholder !== undefined && html` placeholder="${placeholder}"`} ${attributes}`,
      hint,
    );
  switch (kind) {
    case 'flag':
      return rows.check(name);
    case 'choice':
      return rows.select(name, texts, '');
    case 'size':
      return rows.select(name, texts, DEFAULT_SIZE);
    case 'choices':
      return rows.choices(name, texts, hint);
    case 'country':
      return with_(html`list="countries"`);
    case 'day':
    case 'endOfDay':
      return with_(html`type="date"`);
    case 'integer':
      return with_(html`inputmode="numeric"`);
    case 'amount':
    case 'cost':
    case 'percent':
    case 'share':
      return with_(html`inputmode="decimal"`);
    default:
      return with_(html``);
  }
}

function categoryChoices({ categories = [] }: Filled): Html | null {
  if (categories.length === 0) return null;
  return html`<span class="category-choices">${categories.map(({ id, name, path }) => html`<button name="category" value="${name} (${id})">${path.join(' › ')}</button>`)}</span>`;
}

/** Conditions that no field of the form has: each is sent again unless its box is cleared. */
function kept(values: Partial<FormValues>): Html | null {
  const box = (name: string, value: string, text: string) =>
    html`<label><input type="checkbox" name="${name}" value="${value}" checked> ${text}</label>`;
  const aspects = valuesOf(values.aspect).map((text) => {
    const at = text.indexOf(':');
    return box('aspect', text, `${text.slice(0, at)}: ${aspectValueText(text.slice(at + 1))}`);
  });
  const parts = valuesOf(values.keep).map((text) => box('keep', text, keptText(text)));
  const { imageOf } = values;
  const picture = imageOf ? [box('imageOf', imageOf, 'the picture of this search')] : [];
  const boxes = [...picture, ...aspects, ...parts];
  if (boxes.length === 0) return null;
  return html`<fieldset class="kept" id="aspect" tabindex="-1"><legend>Kept from this search</legend>${boxes}</fieldset>`;
}

/** `onFailure: degrade`, of the JSON of a part of a request. */
function keptText(text: string): string {
  try {
    const names: string[] = [];
    let value: unknown = JSON.parse(text);
    while (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const [entry] = Object.entries(value);
      if (entry === undefined) break;
      names.push(entry[0]);
      [, value] = entry;
    }
    const shown = value === true ? '' : `: ${Array.isArray(value) ? value.join(', ') : String(value)}`;
    return `${KEPT_NAMES[names.join('.')] ?? labelAt(names.join('.'))}${shown}`;
  } catch {
    return text.slice(0, 60);
  }
}

const KEPT_NAMES: Texts = {
  'costs.resaleTax.onTop': 'tax on top of your price',
  onFailure: 'when nothing could be collected',
  reference: 'your word in affiliate links',
};

function labelAt(path: string): string {
  return FIELDS.find((field) => field.path === path)?.label ?? path;
}

function setText(count: number): Html | null {
  return count === 0 ? null : html` <small>(${count} set)</small>`;
}

/** How many fields of these groups say something. */
function countSet(groups: readonly Group[], values: Partial<FormValues>): number {
  const names = groups.flatMap((name) => [...namesIn(name), ...OWN[name]]);
  return names.filter((name) => values[name] && !(name === 'maxItems' && values[name] === DEFAULT_SIZE))
    .length;
}

function isWrong(groups: readonly Group[], mistakes: readonly Mistake[]): boolean {
  const names = new Set(groups.flatMap((name) => [...namesIn(name), ...OWN[name]]));
  return mistakes.some(({ field }) => names.has(field));
}

function namesIn(name: Group): string[] {
  return FIELDS.filter((field) => field.group === name).map((field) => field.name);
}

function sites(): Record<string, string> {
  return Object.fromEntries(MARKETPLACE_IDS.map((id) => [id, siteName(id)]));
}

export { conditionTexts } from './conditions.ts';
export { requestFromForm, valuesFrom } from './formRequest.ts';
export { type Mistake, mistakesIn } from './mistakes.ts';
