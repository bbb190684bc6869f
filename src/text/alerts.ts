import type { AlertReport } from '../queue/alerts/alerts.ts';
import type { Basis, FullCondition } from '../queue/alerts/definition.ts';
import { countText, durationText, moneyText, numberText } from './values.ts';

const PRICES: Readonly<Record<Basis, string>> = { delivered: 'delivered price', item: 'item price' };

/** A condition in words: `delivered price falls by 10 %`. */
export function conditionWords(condition: FullCondition): string {
  switch (condition.on) {
    case 'new':
      return condition.relisted ? 'a new listing, also one listed again' : 'a new listing';
    case 'gone':
      return 'no longer for sale';
    case 'back-in-stock':
      return 'back in stock';
    case 'stock-below':
      return `fewer than ${numberText(condition.quantity)} left`;
    case 'price-below': {
      const { price: value, currency, basis } = condition;
      return `${PRICES[basis]} below ${moneyText({ value, currency })}`;
    }
    case 'lowest':
      return `lowest ${PRICES[condition.basis]} of ${condition.of === 'all' ? 'all listings' : 'a listing'}`;
    default: {
      const { on, percent, amount: value, currency, basis } = condition;
      const verb = on === 'drop' ? 'falls' : 'rises';
      const by =
        percent !== undefined
          ? ` by ${percent} %`
          : value !== undefined && currency !== undefined
            ? ` by ${moneyText({ value, currency })}`
            : '';
      return `${PRICES[basis]} ${verb}${by}`;
    }
  }
}

/** What an alert is about: `schedule hubs`. */
export function alertSourceText({
  track,
  schedule,
  watchlist,
}: Pick<AlertReport, 'track' | 'schedule' | 'watchlist'>): string {
  if (track !== undefined) return `track ${track}`;
  return schedule !== undefined ? `schedule ${schedule}` : `watchlist ${watchlist}`;
}

/** Which listings alone count, a few words each. */
export function alertRuleTexts({ title, seller, conditionIds }: AlertReport): string[] {
  return [
    title?.include && `title with ${title.include.join(', ')}`,
    title?.exclude && `title without ${title.exclude.join(', ')}`,
    seller?.minFeedbackPercentage !== undefined && `seller from ${seller.minFeedbackPercentage} % on`,
    seller?.minFeedbackScore !== undefined &&
      `seller from ${numberText(seller.minFeedbackScore)} feedbacks on`,
    conditionIds && `condition ${conditionIds.join(', ')}`,
  ].filter((rule) => typeof rule === 'string');
}

/** When its messages are sent, a few words each. */
export function alertTimeTexts({ digest, quiet, tz, dailyCap }: AlertReport): string[] {
  return [
    digest === undefined ? 'at once' : `at most every ${durationText(digest * 1000)}`,
    quiet && `not from ${quiet.from} to ${quiet.to} (${tz})`,
    `at most ${countText(dailyCap, 'alert')} a day`,
  ].filter((rule) => typeof rule === 'string');
}

/** Of the alert's present day: `3, 2 kept back`. */
export function alertTodayText({ sentToday, withheldToday }: AlertReport): string {
  const kept = withheldToday === 0 ? '' : `, ${numberText(withheldToday)} kept back`;
  return `${numberText(sentToday)}${kept}`;
}
