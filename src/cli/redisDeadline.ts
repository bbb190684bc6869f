/** A command that ends says within 2 s that Redis is not there; its own start takes the rest of them. In ms. */
export const REDIS_DEADLINE_MS = 1200;
