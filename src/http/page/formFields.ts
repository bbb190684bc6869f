import type { FormValues } from '../auth/login.ts';
import { type Html, html, options } from './html.ts';
import type { Mistake } from './search/mistakes.ts';

/** What a person sent and what is wrong with it; a form without values has its defaults. */
export interface Sent {
  values: Partial<FormValues>;
  mistakes: readonly Mistake[];
}

interface Look {
  hint?: string | undefined;
  /** Class by which a field shows for some choices only. */
  kind?: string;
  /** Default. */
  value?: string | undefined;
  /** What was sent is not sent back. */
  isSecret?: boolean;
}

export const PLAIN = html`autocomplete="off" autocapitalize="none" spellcheck="false"`;

/** Fields of a form, each with its own mistake beside it. @param before what their ids begin with, of one of several forms */
export function fieldsOf({ values, mistakes }: Sent, before = '') {
  const field = (name: string, label: string, control: (attributes: Html) => Html, look: Look = {}) => {
    const id = before + name;
    const problem = mistakes.find((each) => each.field === name);
    const described = problem && html` aria-invalid="true" aria-describedby="${id}-problem"`;
    return html`<p class="field ${look.kind ?? ''}"><label for="${id}">${label}${look.hint !== undefined && html` <small class="inline">(${look.hint})</small>`}</label>${control(html`id="${id}" name="${name}"${described}`)}
    ${problem && html`<span class="problem" id="${id}-problem">${problem.message}</span>`}</p>`;
  };
  const input = (name: string, label: string, attributes: Html, look: Look = {}) => {
    const value = look.isSecret ? '' : (values[name] ?? look.value ?? '');
    return field(name, label, (own) => html`<input ${own} value="${value}" ${attributes}>`, look);
  };
  const select = (name: string, label: string, texts: Readonly<Record<string, string>>, look: Look = {}) =>
    field(
      name,
      label,
      (own) =>
        html`<select ${own}>${options(withChosen(texts, values[name]), values[name] ?? look.value)}</select>`,
      look,
    );
  const check = (name: string, label: string, isOn = false) =>
    html`<label class="check"><input type="checkbox" id="${before}${name}" name="${name}" value="1"${(values[name] ?? (isOn ? '1' : '')) === '1' && html` checked`}> ${label}</label>`;
  /** What is wrong and belongs to no field. @param shown the fields of the form */
  const problems = (...shown: string[]) => {
    const others = mistakes.filter((each) => !shown.includes(each.field));
    return (
      others.length > 0 &&
      html`<ul class="problems" role="alert">${others.map(({ message }) => html`<li>${message}</li>`)}</ul>`
    );
  };
  return { field, input, select, check, problems };
}

/** What the API or the command line has chosen and the form does not offer stays. */
function withChosen(
  texts: Readonly<Record<string, string>>,
  chosen: string | undefined,
): Readonly<Record<string, string>> {
  return chosen === undefined || Object.hasOwn(texts, chosen) ? texts : { ...texts, [chosen]: chosen };
}
