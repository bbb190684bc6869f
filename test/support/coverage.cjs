// CommonJS, as mocha's `require` wants it; everything else here is an ES module.

/**
 * The coverage is that of the processes that run tests. Others run other compilations of the same files, and c8 would put
 * the positions of the one into the text of the other. Node has read the variable by the time a test starts.
 */
exports.mochaHooks = {
  beforeAll() {
    delete process.env.NODE_V8_COVERAGE;
  },
};
