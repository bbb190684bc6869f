import type { FormValues } from '../../auth/login.ts';
import { type Html, html, options } from '../html.ts';
import type { Mistake } from '../search/searchForm.ts';

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
}

export const PLAIN = html`autocomplete="off" autocapitalize="none" spellcheck="false"`;

/** Fields of a form, each with its own mistake beside it. */
export function fieldsOf({ values, mistakes }: Sent) {
  const field = (name: string, label: string, control: (attributes: Html) => Html, look: Look = {}) => {
    const problem = mistakes.find((each) => each.field === name);
    const described = problem && html` aria-invalid="true" aria-describedby="${name}-problem"`;
    return html`<p class="field ${look.kind ?? ''}"><label for="${name}">${label}${look.hint !== undefined && html` <small class="inline">${look.hint}</small>`}</label>${control(html`id="${name}" name="${name}"${described}`)}
    ${problem && html`<span class="problem" id="${name}-problem">${problem.message}</span>`}</p>`;
  };
  const input = (name: string, label: string, attributes: Html, look: Look = {}) =>
    field(
      name,
      label,
      (own) => html`<input ${own} value="${values[name] ?? look.value ?? ''}" ${attributes}>`,
      look,
    );
  const select = (name: string, label: string, texts: Readonly<Record<string, string>>, look: Look = {}) =>
    field(
      name,
      label,
      (own) => html`<select ${own}>${options(texts, values[name] ?? look.value)}</select>`,
      look,
    );
  const check = (name: string, label: string, isOn = false) =>
    html`<label class="check"><input type="checkbox" id="${name}" name="${name}" value="1"${(values[name] ?? (isOn ? '1' : '')) === '1' && html` checked`}> ${label}</label>`;
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
