/** What other services import. Importing has no effect of its own. */

export { BootError } from './app/bootError.ts';
export { type ConnectOptions, connect } from './app/client.ts';
export { EbayProductCollector } from './collector/collector.ts';
export { type Config, ConfigError } from './config/config.ts';
export { loadConfig } from './config/load.ts';
export { EbayAuthService, type TokenData, type TokenStatus } from './ebay/oauth/service.ts';
export { Failure, type FailureCode } from './failures.ts';
export type { MarketplaceId } from './product/marketplaces.ts';
export type { Money } from './product/money.ts';
export { type Product, ProductSchema } from './product/product.ts';
export { type SearchRequest, SearchRequestSchema } from './product/requestSchema.ts';
export { type Schedule, ScheduleSchema } from './product/scheduleSchema.ts';
export { type Outcome, type SearchSummary, SearchSummarySchema } from './product/summary.ts';
export { type EnqueueOptions, SearchProducer } from './queue/producer.ts';
export type { ScheduleReport } from './queue/schedules/schedules.ts';
export type { SearchEstimate } from './queue/search/estimate.ts';
export type { SearchReport } from './queue/searchReader.ts';
