const { default: Sequencer } = require('@jest/test-sequencer');

const longest =
  /\/test\/(smoke|faults|app\/(practice-app|silo)|sandbox\/data-plane-|workflows\/(takeover|.*-on-sandbox|faulty-images|update-practice))/;

/**
 * Where Jest has taken no times yet, as in a fresh clone, it begins with the largest files. Those that take longest begin before them, so
 * that none of them runs on alone when the others are done.
 */
module.exports = class extends Sequencer {
  sort(tests) {
    const isUntimedAndLong = ({ duration, path }) => duration === undefined && longest.test(path);
    const sorted = super.sort(tests);
    return [...sorted.filter(isUntimedAndLong), ...sorted.filter((test) => !isUntimedAndLong(test))];
  }
};
