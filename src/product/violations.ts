import { createRequire } from 'node:module';
import type { Ajv, ErrorObject } from 'ajv';
import type AjvFormats from 'ajv-formats';

/** Ajv, loaded with the first value that it is to check: a program that imports the library may check none. */
class LateAjv {
  #ajv: Ajv | undefined;

  violations(schema: object, value: unknown): ErrorObject[] {
    this.#ajv ??= this.#load();
    return this.#ajv.validate(schema, value) ? [] : (this.#ajv.errors ?? []);
  }

  #load(): Ajv {
    const require = createRequire(import.meta.url);
    const { Ajv } = require('ajv') as typeof import('ajv');
    const addFormats = require('ajv-formats') as typeof AjvFormats.default;
    return addFormats(new Ajv({ allErrors: true, verbose: true, strictTypes: false }), ['email']);
  }
}

const ajv = new LateAjv();

/**
 * All that is wrong with a value by a JSON schema; empty where nothing is. Each error has the value that it is about (`data`)
 * and the schema that this value breaks (`parentSchema`). What is compiled is kept with the schema: callers have one object
 * for each.
 */
export function violations(schema: object, value: unknown): ErrorObject[] {
  return ajv.violations(schema, value);
}
