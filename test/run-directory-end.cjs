module.exports = async () => require('./run-directory.cjs').remove();
