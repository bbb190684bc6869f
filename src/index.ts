/** What other services import. Importing has no effect of its own, and loads neither BullMQ nor what only workers need. */

export { type ConnectOptions, connect } from './app/connect.ts';
export {
  type Browse as BrowseClient,
  type CollectorOptions,
  EbayProductCollector,
  type StandaloneOptions,
} from './collector/collector.ts';
export { type Config, ConfigError, type ConfigProblem } from './config/config.ts';
export { type ConfigSources, loadConfig } from './config/load.ts';
export {
  type EbayAuthOptions,
  EbayAuthService,
  type TokenData,
  type TokenStatus,
} from './ebay/oauth/service.ts';
export { BootError, type BudgetState, Failure, type FailureCode, type FailureDetail } from './failures.ts';
export { type AlertMessage, AlertMessageSchema, type Hit } from './product/alertMessage.ts';
export { type Alert, AlertSchema, type Condition } from './product/alertSchema.ts';
export { type Channel, ChannelSchema } from './product/channelSchema.ts';
export type { MarketplaceId } from './product/marketplaces.ts';
export type { Money } from './product/money.ts';
export { type PlanEntry, type PlanReport, PlanReportSchema } from './product/planReport.ts';
export { type Product, ProductSchema } from './product/product.ts';
export { type SearchRequest, SearchRequestSchema } from './product/requestSchema.ts';
export { type Schedule, ScheduleSchema } from './product/scheduleSchema.ts';
export {
  type Outcome,
  type SearchFacets,
  type SearchSummary,
  SearchSummarySchema,
} from './product/summary.ts';
export { type Watchlist, WatchlistSchema } from './product/watchlistSchema.ts';
export type { AlertReport } from './queue/alerts/alerts.ts';
export type { ChannelReport, ChannelTest, FailedMessage, PutChannel } from './queue/alerts/channels.ts';
export type { AskedBy, SearchCaller } from './queue/caller.ts';
export {
  type Allowance,
  type EnqueueOptions,
  type PlanOptions,
  type ProducerOptions,
  SearchProducer,
} from './queue/producer.ts';
export type { ScheduleReport } from './queue/schedules/schedules.ts';
export type { SearchEstimate } from './queue/search/estimate.ts';
export type { FoundSearch, ListedSearch, SearchListPart, SearchListQuery } from './queue/searchList.ts';
export type { SearchReport } from './queue/searchReader.ts';
export type {
  ImportEntry,
  ImportOptions,
  ImportReport,
  WatchedEntry,
  WatchlistReport,
} from './queue/watch/watchlists/watchlists.ts';
export type { Logger, Logs } from './telemetry/logger.ts';
