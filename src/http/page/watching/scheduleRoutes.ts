import { Failure } from '../../../failures.ts';
import { notFound } from '../../problem.ts';
import { mistakesIn } from '../search/searchForm.ts';
import type { Page } from '../visit.ts';
import { planView } from './planView.ts';
import { nameTakenView } from './scheduleForm.ts';

export function scheduleRoutes({ route, show }: Page): void {
  route('GET', '/plan', 'read', async (visit) => {
    const { producer, query, reply } = visit;
    const calls = (query.calls ?? '').trim();
    let mistake: string | undefined;
    const wanted = calls === '' ? undefined : Number(calls);
    const report = await producer.plan({ calls: wanted }).catch((error) => {
      mistake = mistakesIn(error)[0]?.message;
      return producer.plan();
    });
    const content = planView({ report, calls, mistake, now: await producer.now() });
    return show(
      { ...visit, reply: mistake === undefined ? reply : reply.code(400) },
      { title: 'Plan', content },
    );
  });

  route('POST', '/schedules', 'schedule', async (visit) => {
    const { producer, form, reply, csrf } = visit;
    const { searchId = '', name = '', every = '', replace } = form;
    const searched = await producer.request(searchId);
    if (searched === undefined) throw notFound();
    // The schedule sets the priority, and each run makes calls of its own and marks changes. Facets are for people.
    const { priority: _priority, maxAge: _maxAge, facets: _facets, ...request } = searched;
    const schedule = { name, every: Number(every), request: { ...request, track: name } };
    try {
      await producer.schedule.add(schedule, { replace: replace === '1' });
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'schedule_exists') throw error;
      const schedules = await producer.schedule.list();
      const content = nameTakenView({ searchId, request: searched, name, every, schedules, csrf });
      return show({ ...visit, reply: reply.code(409) }, { title: 'Name taken', content });
    }
    return `/#schedule-${encodeURIComponent(name)}`;
  });

  const methods = { pause: 'pause', resume: 'resume', remove: 'remove', run: 'runNow' } as const;
  for (const [action, method] of Object.entries(methods))
    route('POST', `/schedules/:name/${action}`, 'schedule', async ({ producer, params: { name } }) => {
      await producer.schedule[method](name);
      return action === 'remove' ? '/#schedules' : `/#schedule-${encodeURIComponent(name)}`;
    });
}
