// CommonJS, for mocha loads its reporter with `require`; everything else here is an ES module.
const Mocha = require('mocha');

/** Folders that are not part of the repository; tests that compare with what is in them are skipped without. */
const FOLDERS = { EBAY_SAMPLES: 'captured answers of eBay', EBAY_OPENAPI: 'eBay’s OpenAPI documents' };

/** Mocha's `spec` report, ended by one line for programs: `N passed, N failed`, with `, N skipped` where some were. */
module.exports = class Reporter extends Mocha.reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    if (pending > 0)
      for (const [variable, content] of Object.entries(FOLDERS))
        if (!process.env[variable])
          console.log(`Contract tests were skipped: ${variable} names no folder with ${content}`);
    const skipped = pending > 0 ? `, ${pending} skipped` : '';
    console.log(`${passes} passed, ${failures} failed${skipped}`);
  }
};
