import { text } from '../answer.ts';
import type { Fault } from './fault.ts';

export interface HtmlParameters {
  /** Default 200, as a captcha or maintenance page has. */
  readonly status?: number;
  /** Default text/html; a proxy may call its page application/json. */
  readonly contentType?: string;
}

/** A web page where JSON was expected. */
export const html: Fault<HtmlParameters> = ({ status = 200, contentType = 'text/html; charset=utf-8' }) => ({
  instead: text(
    status,
    '<!doctype html><html><head><title>Please verify</title></head><body><h1>One moment</h1></body></html>',
    contentType,
  ),
});
