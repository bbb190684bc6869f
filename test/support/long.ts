/** Large counts of kills, generated cases and products, as `npm run test:long` runs them. Each test has a smaller count without it. */
export const LONG = process.env.TEST_LONG === '1';
