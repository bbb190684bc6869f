import type { NormalRequest } from '../../product/requestSchema.ts';
import type { Schedules } from '../../queue/schedules/schedules.ts';
import { notFound } from '../problem.ts';
import type { Pages } from './pages.ts';
import type { FormValues } from './searchForm.ts';

const ACTIONS: Readonly<Record<string, (schedules: Schedules, name: string) => Promise<unknown>>> = {
  pause: (schedules, name) => schedules.pause(name),
  resume: (schedules, name) => schedules.resume(name),
  remove: (schedules, name) => schedules.remove(name),
  run: (schedules, name) => schedules.runNow(name),
};

export function schedulePages(pages: Pages): void {
  const { producerOf } = pages;

  pages.post('/schedules', 'schedule', async (request, reply, visitor) => {
    const { searchId = '', name = '', every = '' } = (request.body ?? {}) as FormValues;
    const producer = await producerOf(visitor.caller.tenant);
    const asked = await producer.request(searchId);
    if (asked === undefined) throw notFound();
    await producer.schedule.add({ name, every: Number(every), request: tracked(asked, name) });
    return reply.redirect(`/#schedule-${encodeURIComponent(name)}`, 303);
  });

  pages.post('/schedules/:name/:action', 'schedule', async (request, reply, visitor) => {
    const { name = '', action = '' } = request.params;
    const act = ACTIONS[action];
    if (act === undefined || !Object.hasOwn(ACTIONS, action)) throw notFound();
    await act((await producerOf(visitor.caller.tenant)).schedule, name);
    return reply.redirect(
      action === 'remove' ? '/#schedules' : `/#schedule-${encodeURIComponent(name)}`,
      303,
    );
  });
}

/** The same search as a run of the schedule: in its class, and marking what changed since the run before. */
function tracked({ priority: _priority, maxAge: _maxAge, ...request }: NormalRequest, name: string) {
  return { ...request, track: name };
}
