/** The app's own version, beside the release that carries it. */
export const APP_VERSION = '0.1.0';
