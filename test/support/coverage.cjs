// CommonJS, as mocha's `require` wants it; everything else here is an ES module.

/**
 * Mocha ends its processes with SIGTERM one second after it asked them to exit. On a busy machine writing the coverage takes
 * longer, and a process that is ended meanwhile leaves none.
 */
if (process.env.NODE_V8_COVERAGE) process.once('exit', () => process.on('SIGTERM', () => {}));

/**
 * The coverage is that of the processes that run tests. Others run other compilations of the same files, and c8 would put
 * the positions of the one into the text of the other. Node has read the variable by the time a test starts.
 */
exports.mochaHooks = {
  beforeAll() {
    delete process.env.NODE_V8_COVERAGE;
  },
};
