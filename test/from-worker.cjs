const { createHash } = require('node:crypto');

/**
 * Instead of a package's code, what the worker process has loaded of it: Jest would compile and run hundreds of files again for each test
 * file, which cost a quarter of the whole run. For packages only that keep nothing from one test file to the next.
 */
module.exports = {
  process: (_source, file) => ({ code: `module.exports = requireFromWorker(${JSON.stringify(file)});` }),
  getCacheKey: (_source, file) => createHash('sha256').update(`from worker ${file}`).digest('hex'),
};
