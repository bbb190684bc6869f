import type { Mutation } from './mutation.ts';

const tests = ['test/unit/queue/alerts/outbound.test.ts'];

export const mutations: Mutation[] = [
  {
    id: 'resolved-twice',
    file: 'src/queue/alerts/outbound.ts',
    find: 'lookup: pinned(addresses)',
    replace: 'lookup',
    breaks: 'A request goes to the address that was checked, whatever the name server says next.',
    tests,
    grep: 'ask for a name once',
  },
  {
    id: 'one-public-address-is-enough',
    file: 'src/queue/alerts/outbound.ts',
    find: '!addresses.every(',
    replace: '!addresses.some(',
    breaks: 'A name is refused when one of its addresses is private.',
    tests,
    grep: 'make no connection',
  },
  {
    id: 'other-forms-of-loopback',
    file: 'src/queue/alerts/outboundRules.ts',
    find: "(parsed.kind() === 'ipv4' || isWithin(address, '2000::/3'))",
    replace: 'true',
    breaks: 'No IPv6 address beyond 2000::/3 is one of the internet.',
    tests,
    grep: 'make no connection',
  },
  {
    id: 'redirects-are-answers',
    file: 'src/queue/alerts/outbound.ts',
    find: 'if (status >= 300 && status < 400)',
    replace: 'if (status === 0)',
    breaks: 'A redirect is a failure of the channel.',
    tests,
    grep: 'follow no redirect',
  },
];
