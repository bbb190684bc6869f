import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Entries of OUTBOUND_ALLOW, a list separated by commas. */
export function allowedHosts(text: string): string[] {
  return text.split(',').flatMap((entry) => entry.trim().toLowerCase() || []);
}

/** Whether a host of a URL is among the entries: by its name, or by its address where it is one. */
export function isAllowedHost(allow: readonly string[], host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  return allow.some((entry) => entry === name || (isIP(name) !== 0 && isWithin(name, entry)));
}

function isWithin(address: string, range: string): boolean {
  try {
    const [parsed, cidr] = [ipaddr.parse(address), ipaddr.parseCIDR(range)];
    return parsed.kind() === cidr[0].kind() && parsed.match(cidr);
  } catch {
    return false;
  }
}
