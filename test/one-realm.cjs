const { isNativeError } = require('node:util').types;

/**
 * Jest gives each test file globals of its own, so errors that Node itself makes are no `instanceof Error` there, as they are in production:
 * the AWS SDK then wraps a broken connection into an error without its code, and what may be tried again looks final.
 */
Object.defineProperty(Error, Symbol.hasInstance, {
  value(thing) {
    // Subclasses inherit this and mean themselves.
    return (
      (this === Error && isNativeError(thing)) || Function.prototype[Symbol.hasInstance].call(this, thing)
    );
  },
});
