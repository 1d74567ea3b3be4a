const { TestEnvironment } = require('jest-environment-node');
const { isDate, isMap, isNativeError, isPromise, isRegExp, isSet } = require('node:util').types;

const kinds = {
  Date: isDate,
  Error: isNativeError,
  Map: isMap,
  Promise: isPromise,
  RegExp: isRegExp,
  Set: isSet,
};

/**
 * Jest gives each test file globals of its own, so what Node itself and the packages of the worker (test/from-worker.cjs) make is no
 * `instanceof Error` or `Date` there, as it is in production: the AWS SDK then wraps a broken connection into an error without its code,
 * and what may be tried again looks final.
 */
function knowKindsOfEveryRealm(globals) {
  for (const [name, isKind] of Object.entries(kinds)) {
    const kind = globals[name];
    Object.defineProperty(kind, Symbol.hasInstance, {
      value(thing) {
        // Subclasses inherit this and mean themselves.
        return (this === kind && isKind(thing)) || Function.prototype[Symbol.hasInstance].call(this, thing);
      },
      configurable: true,
    });
  }
}

knowKindsOfEveryRealm(globalThis);

/** Node's environment, in which test/from-worker.cjs finds the packages that the worker has loaded. */
module.exports = class extends TestEnvironment {
  constructor(...given) {
    super(...given);
    knowKindsOfEveryRealm(this.global);
    this.global.requireFromWorker = require;
  }
};
