/** What the eBay client needs to know about tokens; `EbayAuthService` is one. */
export interface TokenSource {
  /** A token that should work; mints one if need be. */
  getAccessToken(): Promise<string>;
  /** eBay refused this one: the fleet's next token, minted at most once by whoever comes first. */
  refreshToken(refused?: string): Promise<string>;
  /** The fleet's present token, if any, without minting. */
  cachedToken(): Promise<string | undefined>;
  /** eBay took this one: the credential is sound. */
  accepted(token: string): void | Promise<void>;
}
