import Mustache from 'mustache';

/** Fields that a template may use; of a title those of the first listing. `columns.NAME` are the caller's own columns. */
export const TEMPLATE_FIELDS = [
  'alert',
  'source',
  'count',
  'event',
  'title',
  'price',
  'before',
  'basis',
  'condition',
  'quantity',
  'seen',
  'item',
  'url',
] as const;

/** What a template shows; empty text where it is not known. */
export type TemplateView = Record<(typeof TEMPLATE_FIELDS)[number], string> & {
  columns: Readonly<Record<string, string>>;
};

type Token = [type: string, value: string, from: number, to: number, inner?: Token[]];

/** What is wrong with a template; undefined: nothing. */
export function templateProblem(template: string): string | undefined {
  let tokens: Token[];
  try {
    tokens = Mustache.parse(template) as unknown as Token[];
  } catch (error) {
    // Mustache repeats parts of the template only, which is no secret.
    return `is no Mustache template: ${(error as Error).message}`;
  }
  const wrong = (list: Token[], isInSection = false): string | undefined => {
    for (const [type, value, , , inner] of list) {
      if (type === '&') return `{{{${value}}}} is not escaped: write {{${value}}}`;
      if (type === '>') return `{{>${value}}} names another template, and there are none`;
      if (type === '=') return 'changes the braces, which is not supported';
      const isField =
        type === 'text' ||
        type === '!' ||
        (value === '.' && isInSection) ||
        /^columns\../.test(value) ||
        (TEMPLATE_FIELDS as readonly string[]).includes(value);
      if (!isField && value === '.') return '{{.}} is no field outside a section such as {{#before}}';
      if (!isField)
        return `{{${value}}} is no field; known here: ${TEMPLATE_FIELDS.join(', ')}, columns.NAME`;
      const problem = inner === undefined ? undefined : wrong(inner, isInSection || type === '#');
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  return wrong(tokens);
}

/** Finds fields and columns alone: Mustache's own look-up finds what each object and text of JavaScript has too. */
class Fields extends Mustache.Context {
  readonly #texts: ReadonlyMap<string, string>;

  /** @param own what `{{.}}` means: the text of a section */
  constructor(texts: ReadonlyMap<string, string>, own?: string) {
    super(own);
    this.#texts = texts;
  }

  override push(own: string): Fields {
    return new Fields(this.#texts, own);
  }

  override lookup(name: string): string {
    return (name === '.' ? this.view : this.#texts.get(name)) ?? '';
  }
}

/** The text, each field escaped; undefined where the template fails or shows nothing. */
export function rendered(
  template: string | undefined,
  view: TemplateView,
  escaped: (text: string) => string,
): string | undefined {
  if (template === undefined) return undefined;
  const { columns, ...fields } = view;
  const own = Object.entries(columns).map(([name, value]) => [`columns.${name}`, value] as const);
  const known = new Fields(new Map([...Object.entries(fields), ...own]));
  try {
    const text = Mustache.render(template, known, {}, { escape: (value) => escaped(String(value)) }).trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}
