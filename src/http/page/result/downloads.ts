import { CSV_COLUMNS, csvCell, csvForm, csvWriter } from '../../../product/csv.ts';
import type { Product } from '../../../product/product.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import { nameFrom } from '../watching/scheduleForm.ts';
import type { FileFormat, Saved } from './selection.ts';

export interface Download {
  type: string;
  body: string | Buffer;
}

interface Wanted {
  format: FileFormat;
  products: readonly Product[];
  saved: Saved;
  /** Of CSV: in the form of the country. */
  excel: boolean;
  locale: string | undefined;
}

/** Makes files. One workbook is made at a time: each takes a thread, and its memory. */
export function downloads(): (wanted: Wanted) => Promise<Download> {
  let former: Promise<unknown> = Promise.resolve();
  const workbook = async ({ products, saved }: Wanted): Promise<Download> => {
    // Few people load a workbook: the library is loaded for them alone.
    const { workbookOf } = await import('./spreadsheet.ts');
    const body = await workbookOf({ products, saved });
    return { type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', body };
  };
  return (wanted) => {
    if (wanted.format !== 'xlsx') return Promise.resolve(textOf(wanted));
    const next = former.then(() => workbook(wanted));
    former = next.catch(() => undefined);
    return next;
  };
}

/** Products as a file, in this order, with what the person keeps about them in the last columns. */
function textOf({ format, products, saved, excel, locale }: Wanted): Download {
  if (format === 'ndjson') {
    const lines = products.map((product) => {
      const { favourite = false, note = '' } = saved.get(product.itemId) ?? {};
      return `${JSON.stringify({ ...product, favourite, note })}\n`;
    });
    return { type: 'application/x-ndjson', body: lines.join('') };
  }
  const form = csvForm({ excel, locale });
  const { header, line } = csvWriter([...CSV_COLUMNS.keys()], form);
  const lines = products.map((product) => {
    const own = saved.get(product.itemId);
    const cells = [own?.favourite ?? false, own?.note ?? ''].map((cell) => csvCell(cell, form));
    return [line(product), ...cells].join(form.separator);
  });
  const body = [[header, 'favourite', 'note'].join(form.separator), ...lines].join('\r\n');
  return { type: 'text/csv; charset=utf-8; header=present', body };
}

/** `led-strip-2026-05-01.csv`. @param now ms since the epoch */
export function fileName(request: NormalRequest | undefined, format: FileFormat, now: number): string {
  const name = request === undefined ? 'products' : nameFrom(request);
  return `${name}-${new Date(now).toISOString().slice(0, 10)}.${format}`;
}
