import type { Product } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';

/** Letters, digits and accents: what makes a word longer. */
const WORD_CHARACTER = '[\\p{L}\\p{N}\\p{M}]';
/** Scripts that write words without a space between them. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/**
 * A test of the conditions that are applied here, after eBay's answer:
 * - title: every word or phrase of `include` and none of `exclude`, as whole words, case ignored;
 * - seller: at least the named figures; a seller without the figure does not pass.
 */
export function conditionsOf({ title, seller }: NormalRequest): (product: Product) => boolean {
  const include = (title?.include ?? []).map(wholeWord);
  const exclude = (title?.exclude ?? []).map(wholeWord);
  const { minFeedbackPercentage: percentage, minFeedbackScore: score } = seller ?? {};
  if (include.length + exclude.length === 0 && percentage === undefined && score === undefined)
    return () => true;
  return (product) => {
    const text = product.title.normalize('NFC');
    return (
      include.every((word) => word.test(text)) &&
      !exclude.some((word) => word.test(text)) &&
      reaches(product.seller.feedbackPercentage, percentage) &&
      reaches(product.seller.feedbackScore, score)
    );
  };
}

function reaches(figure: number | null, least: number | undefined): boolean {
  return least === undefined || (figure !== null && figure >= least);
}

function wholeWord(word: string): RegExp {
  const literal = word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replace(/\s+/g, '\\s+');
  const edge = (character: string | undefined, look: string) =>
    character !== undefined && UNSPACED.test(character) ? '' : `(?${look}${WORD_CHARACTER})`;
  const characters = [...word];
  return new RegExp(`${edge(characters[0], '<!')}${literal}${edge(characters.at(-1), '!')}`, 'iu');
}
