/** A keyset of the simulated developer account. */
export interface Credential {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Scopes that it may ask for; the base scope unless told. */
  readonly scopes?: readonly string[];
}

export const BASE_SCOPE = 'https://api.ebay.com/oauth/api_scope';

/** What a simulator accepts unless told otherwise. It opens nothing anywhere else. */
export const DEMO_CREDENTIALS: Credential = {
  clientId: 'Finder-Demo-SBX-8c27f09ab-51d3e6c4',
  clientSecret: 'SBX-c27f09ab4e1d-7b60-4f8a-93c5-2ad1',
};
