import type { Page } from '../visit.ts';
import { scheduleRoutes } from './scheduleRoutes.ts';
import { choiceFrom, watchedItems } from './watchedItems.ts';
import { watchingView } from './watchingView.ts';
import { watchlistRoutes } from './watchlistRoutes.ts';

/** What is watched, what it costs, and what can be done with it. */
export function watchingRoutes(page: Page): void {
  const { route, show } = page;
  route('GET', '/watching', 'read', async (visit) => {
    const { producer, query, csrf, may } = visit;
    const [schedules, watchlists, alerts, plan, now] = await Promise.all([
      producer.schedule.list(),
      producer.watchlists.list(),
      producer.alerts.list(),
      producer.plan(),
      producer.now(),
    ]);
    const items = watchedItems({ schedules, watchlists, alerts, plan, now });
    const content = watchingView({
      ...{ items, plan, csrf, now },
      choice: choiceFrom(query),
      mayChange: may('schedule'),
    });
    return show(visit, { title: 'Watching', content, scripts: ['watching'] });
  });
  scheduleRoutes(page);
  watchlistRoutes(page);
}
