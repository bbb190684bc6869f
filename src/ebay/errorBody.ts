/** What eBay says about an error, as far as it is fit to be shown. */
export interface EbayError {
  errorId?: number;
  message?: string;
}

const LONGEST_MESSAGE = 200;

/** Reads `{errors: [{errorId, message, longMessage}]}`; whatever else the body is gives nothing. */
export function readErrorBody(body: unknown): EbayError {
  const first: unknown = isRecord(body) && Array.isArray(body.errors) ? body.errors[0] : undefined;
  if (!isRecord(first)) return {};
  const { errorId, message, longMessage } = first;
  const text = [longMessage, message].find((said): said is string => typeof said === 'string' && said !== '');
  return {
    ...(Number.isInteger(errorId) ? { errorId: errorId as number } : {}),
    ...(text === undefined ? {} : { message: presentable(text) }),
  };
}

/** One line without control characters, short, and without anything that looks like a credential. */
export function presentable(text: string): string {
  return text
    .replace(/v\^1\.1#\S*|(Bearer|Basic)\s+\S+/g, '[hidden]')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .slice(0, LONGEST_MESSAGE);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
