import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Entries of OUTBOUND_ALLOW, a list separated by commas. */
export function allowedHosts(text: string): string[] {
  return text.split(',').flatMap((entry) => hostName(entry.trim()) || []);
}

/** Whether a host of a URL is among the entries: by its name, or by its address where it is one. */
export function isAllowedHost(allow: readonly string[], host: string): boolean {
  const name = hostName(host);
  return allow.some((entry) => entry === name || isWithin(name, entry));
}

/** A host as names are compared: in lower case, without brackets and without the dot of the root. */
export function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** @param range CIDR, or one address */
function isWithin(address: string, range: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (ipaddr.isValidCIDR(range)) {
    const cidr = ipaddr.parseCIDR(range);
    return parsed.kind() === cidr[0].kind() && parsed.match(cidr);
  }
  return isIP(range) !== 0 && parsed.toString() === ipaddr.parse(range).toString();
}

/**
 * Whether an address belongs to the internet. All that IANA's registries of special addresses hold does not: private,
 * loopback, link-local, shared (CGNAT), multicast, reserved, and what carries another address (mapped, NAT64, 6to4, Teredo).
 * Of IPv6 only 2000::/3 is given out; that leaves out addresses such as ::7f00:1, which is another form of 127.0.0.1.
 */
export function isPublic(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  return parsed.range() === 'unicast' && (parsed.kind() === 'ipv4' || isWithin(address, '2000::/3'));
}
