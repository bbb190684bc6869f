/** JSON as this service has stored it. Undefined for nothing, for null, and for what another program has written. */
export function storedJson<Value>(text: string | null | undefined): Value | undefined {
  try {
    return (JSON.parse(text ?? '') as Value | null) ?? undefined;
  } catch {
    return undefined;
  }
}
