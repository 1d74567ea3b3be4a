/**
 * Imported first by every entry point that loads the AWS SDK. On Node 20 the SDK prints a seven-line notice at its first
 * client, in the middle of whatever is on the screen; the README says which versions of Node are supported and until when.
 */
// oxlint-disable-next-line node/no-process-env -- written, not read: the SDK has no other switch.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
