import { isObject } from '../product/parseRequest.ts';
import type { DeletionNotice } from './accountDeletion.ts';

/** Ids of the notices whose accounts were found. */
export type Found = ReadonlySet<string>;

const LISTS = ['sellers', 'excludeSellers'];

/** What stays of a JSON value. */
export interface Cleared {
  value: unknown;
  found: Found;
  /** A list of sellers that something is limited to has none left. */
  isEmptied: boolean;
}

/** The accounts of some notices, and how they are recognised and taken out of what names them. */
export class DeletedAccounts {
  /** By user name in lower case: eBay does not distinguish its letters. */
  readonly #byName = new Map<string, Set<string>>();
  /** By user id and EIAS token. A search by seller may name the id where eBay shows it in the place of the name. */
  readonly #byId = new Map<string, Set<string>>();

  constructor(
    notices: ReadonlyArray<Pick<DeletionNotice, 'notificationId' | 'username' | 'userId' | 'eiasToken'>>,
  ) {
    const add = (map: Map<string, Set<string>>, name: string, id: string) => {
      if (name !== '') map.set(name, (map.get(name) ?? new Set()).add(id));
    };
    for (const { notificationId, username, userId, eiasToken } of notices) {
      add(this.#byName, username.toLowerCase(), notificationId);
      for (const id of [userId, eiasToken]) add(this.#byId, id, notificationId);
    }
  }

  /** The notices whose account has this name or id. */
  named(text: string): Found {
    const name = text.trim();
    return new Set([...(this.#byName.get(name.toLowerCase()) ?? []), ...(this.#byId.get(name) ?? [])]);
  }

  /** The notices whose account stands anywhere in a text, as a word of its own. */
  within(text: string): Found {
    const found = new Set<string>();
    const look = (names: Map<string, Set<string>>, where: string) => {
      for (const [name, ids] of names) if (hasWord(where, name)) for (const id of ids) found.add(id);
    };
    look(this.#byName, text.toLowerCase());
    look(this.#byId, text);
    return found;
  }

  /** A request, or anything that holds some, without the accounts in its lists of sellers. */
  clear(value: unknown): Cleared {
    const found = new Set<string>();
    let isEmptied = false;
    const isOther = (seller: unknown) => {
      const ids = typeof seller === 'string' ? this.named(seller) : new Set<string>();
      for (const id of ids) found.add(id);
      return ids.size === 0;
    };
    const cleared = (entry: unknown): unknown => {
      if (Array.isArray(entry)) return entry.map(cleared);
      if (!isObject(entry)) return entry;
      return Object.fromEntries(
        Object.entries(entry).flatMap(([name, own]): Array<[string, unknown]> => {
          if (!LISTS.includes(name)) return [[name, cleared(own)]];
          const list = [own].flat();
          const left = list.filter(isOther);
          if (left.length === list.length) return [[name, own]];
          // Nothing is excluded any more. A limit without sellers is one that no request may have: it must not mean all.
          if (left.length === 0 && name !== 'sellers') return [];
          isEmptied ||= left.length === 0;
          return [[name, left]];
        }),
      );
    };
    return { value: cleared(value), found, isEmptied };
  }

  /** The same of JSON; undefined where it names none of them. */
  clearJson(json: string | null | undefined): (Cleared & { json: string }) | undefined {
    if (typeof json !== 'string' || !/"(s|excludeS)ellers"/.test(json)) return undefined;
    try {
      const cleared = this.clear(JSON.parse(json));
      return cleared.found.size === 0 ? undefined : { ...cleared, json: JSON.stringify(cleared.value) };
    } catch {
      return undefined;
    }
  }
}

/** Characters of user names and ids; a full stop is one where it does not end a sentence. */
function hasWord(text: string, word: string): boolean {
  const own = word.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
  return new RegExp(`(?<![\\w*+/=-]\\.?)${own}(?![\\w*+/=-]|\\.[\\w*-])`).test(text);
}
